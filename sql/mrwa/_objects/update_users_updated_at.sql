-- A user's updated_at moves with every update, so no statement has to remember it.

create or replace trigger update_users_updated_at
before update on users
for each row
execute function update_updated_at_column();
