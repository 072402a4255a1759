-- What is wrong with the list of an artifact's citations, or nothing: each has a path, and a reason.

create or replace function fault_of_citations(metadata jsonb)
returns text
language sql
immutable
as $$
    select
        case
            when jsonb_typeof(metadata -> 'citations') is distinct from 'array' then
                'its citations are no list'
            when metadata @? '$.citations[*] ? (!exists (@.path ? (@.type() == "string" && @ != "")))' then
                'a citation of it has no path'
            when metadata @? '$.citations[*] ? (!exists (@.reason ? (@.type() == "string" && @ != "")))' then
                'a citation of it has no reason'
        end;
$$;
