-- Back to the empty database.

drop table tenants;
