-- What pg_stat_statements counted, of all databases of the server, or what to do where it does not count.
-- The extension may come later, or never, so its view is looked for when this is called: in whatever schema it is.

create or replace function counted_statements(
    out query text,
    out mean_exec_time double precision,
    out calls bigint
)
returns setof record
language plpgsql
stable
as $$
declare
    place text;
begin
    select extension.extnamespace::regnamespace::text into place
    from pg_catalog.pg_extension as extension
    where extension.extname = 'pg_stat_statements';
    if place is null then
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = 'this database counts no statements; have an administrator add pg_stat_statements to '
                'shared_preload_libraries in postgresql.conf, restart the server, and run here: '
                'create extension pg_stat_statements';
    end if;
    return query execute pg_catalog.format(
        'select query, mean_exec_time, calls from %s.pg_stat_statements', place
    );
exception
    when object_not_in_prerequisite_state then
        if place is null then
            raise;
        end if;
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = 'the server counts no statements; have an administrator add pg_stat_statements to '
                'shared_preload_libraries in postgresql.conf, and restart the server';
end;
$$;
