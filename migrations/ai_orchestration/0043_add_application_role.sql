-- Row-level security bound nobody: the application connected as the tables' owner, who stands above every policy.
-- ai_orchestration_app owns nothing, and cannot log in: a session takes it on, as a member of it. A role belongs to all
-- databases of the server, so it may be there, and another database's run may make it at the same moment.

do $$
declare
    needed constant text := case
        when current_setting('server_version_num')::integer >= 160000 then 'set'
        else 'member'
    end;
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'ai_orchestration_app') then
        begin
            create role ai_orchestration_app;
        exception
            when duplicate_object or unique_violation then
                null;
        end;
    end if;
    if exists (select from pg_catalog.pg_roles where rolname = 'ai_orchestration_app' and (rolsuper or rolbypassrls)) then
        raise exception using
            errcode = 'invalid_role_specification',
            message = 'role ai_orchestration_app stands above row-level security; have an administrator run: '
                'alter role ai_orchestration_app nosuperuser nobypassrls';
    end if;
    if not pg_catalog.pg_has_role('ai_orchestration_app', needed) then
        begin
            grant ai_orchestration_app to current_user;
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
                'create role ai_orchestration_app; grant ai_orchestration_app to %I',
                current_user, current_user
            );
end;
$$;
