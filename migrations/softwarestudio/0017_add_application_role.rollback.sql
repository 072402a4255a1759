-- The role itself stays: other databases of the server may use it.

do $$
begin
    if exists (select from pg_catalog.pg_roles where rolname = 'softwarestudio_app') then
        drop owned by softwarestudio_app;
    end if;
end;
$$;
