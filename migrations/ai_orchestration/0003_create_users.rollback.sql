-- Accounts live on in Keycloak; roles and last logins are lost.

drop table users;
