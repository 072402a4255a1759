-- Whether a run has citations that name no trace, of this persona or of nobody's.

create or replace function has_sibling_citations(traced_run text, traced_persona text)
returns boolean
language sql
stable
as $$
    select exists (
        select
        from artifacts as sibling
        where
            sibling.run_id = traced_run
            and sibling.type = 'citations'
            and sibling.metadata ->> 'traceId' is null
            and coalesce(sibling.persona = traced_persona, true)
    );
$$;
