-- Refuses citations that do not align with their retrieval trace: they are of the same run and cite, each for a reason,
-- only paths of documents that the trace lists. Asked for the whole, it refuses one without the other as well.
-- These are citations that name their trace as traceId; check_sibling_citations sees to those that name none.
-- The trace's row is locked meanwhile: of two who change a trace and its citations at once, the later one sees both.

create or replace function check_citations()
returns trigger
language plpgsql
as $$
declare
    is_whole constant boolean := tg_argv[0] = 'whole';
    trace_id uuid;
    trace artifacts;
    citations artifacts;
    fault text;
begin
    -- whatever else is changed: what was read and cited then may be gone from the knowledge base by now
    if
        tg_op = 'UPDATE'
        and (new.id, new.type, new.run_id, new.retrieval_trace)
        is not distinct from (old.id, old.type, old.run_id, old.retrieval_trace)
        and (new.type <> 'citations' or new.metadata = old.metadata)
    then
        return null;
    end if;

    for trace_id in
        select distinct
            case
                when artifact.type <> 'citations' then artifact.id
                when artifact.metadata ->> 'traceId' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                    then (artifact.metadata ->> 'traceId')::uuid
            end
        from unnest(array[old, new]::artifacts[]) as artifact
        where
            (artifact.type = 'citations' and artifact.metadata ->> 'traceId' is not null)
            or (artifact.type <> 'citations' and artifact.retrieval_trace is not null)
    loop
        select artifact.* into trace
        from artifacts as artifact
        where artifact.id = trace_id and artifact.retrieval_trace is not null
        for no key update;
        select artifact.* into citations
        from artifacts as artifact
        where artifact.type = 'citations' and artifact.metadata ->> 'traceId' = trace_id::text;

        fault := case
            when trace_id is null then
                case when new.type = 'citations' then 'the traceId of its citations is no artifact''s id' end
            when trace.id is null and citations.id is null then
                null
            when citations.id is null then
                case
                    when is_whole and not has_sibling_citations(trace.run_id, trace.persona)
                        then 'it has a retrieval trace and no citations'
                end
            when trace.id is null then
                case when is_whole then 'it has citations and no retrieval trace' end
            when citations.run_id <> trace.run_id then
                format('it is of run %L, its citations of run %L', trace.run_id, citations.run_id)
            when fault_of_citations(citations.metadata) is not null then
                fault_of_citations(citations.metadata)
            else (
                select format('its citations name %L, which is no document of the trace', min(citation ->> 'path'))
                from jsonb_array_elements(citations.metadata -> 'citations') as citation
                where not exists (
                    select
                    from jsonb_array_elements_text(trace.retrieval_trace -> 'docIds') as doc_id
                    inner join kb_documents as document on document.id = doc_id::uuid
                    where document.path = citation ->> 'path'
                )
                having count(*) > 0
            )
        end;

        if fault is not null then
            raise check_violation using
                message = format('artifact %s: %s', coalesce(trace_id, new.id), fault),
                table = tg_table_name,
                constraint = tg_name;
        end if;
    end loop;
    return null;
end;
$$;
