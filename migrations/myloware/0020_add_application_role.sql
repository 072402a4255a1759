-- The application connected as the tables' owner, and could have dropped what it only has to read and write.
-- myloware_app owns nothing, and cannot log in: a session takes it on, as a member of it. A role belongs to all
-- databases of the server, so it may be there, and another database's run may make it at the same moment.

do $$
declare
    needed constant text := case
        when current_setting('server_version_num')::integer >= 160000 then 'set'
        else 'member'
    end;
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'myloware_app') then
        begin
            create role myloware_app;
        exception
            when duplicate_object or unique_violation then
                null;
        end;
    end if;
    if exists (select from pg_catalog.pg_roles where rolname = 'myloware_app' and (rolsuper or rolbypassrls)) then
        raise exception using
            errcode = 'invalid_role_specification',
            message = 'role myloware_app stands above row-level security; have an administrator run: '
                'alter role myloware_app nosuperuser nobypassrls';
    end if;
    if not pg_catalog.pg_has_role('myloware_app', needed) then
        begin
            grant myloware_app to current_user;
        exception
            when unique_violation then
                null;
        end;
    end if;
exception
    when insufficient_privilege then
        raise exception using
            errcode = 'insufficient_privilege',
            message = pg_catalog.format(
                '%I may not make the role of the application; have an administrator run: '
                'create role myloware_app; grant myloware_app to %I',
                current_user, current_user
            );
end;
$$;
