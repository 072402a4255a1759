-- A step run that ends gives its lease back.

create or replace trigger keep_lease
before insert or update of status, leased_until on step_runs
for each row
execute function keep_lease();
