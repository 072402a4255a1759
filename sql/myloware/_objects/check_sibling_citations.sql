-- Sees to citations that name no trace, as the document has them: they are siblings of the traces of their run and,
-- where both say it, their persona. They cite only paths of documents that one of these lists. Asked for the whole, it
-- refuses them without a trace, and their removal from beside one.
-- Where a document that a trace lists is gone from the knowledge base nobody can tell its path, so all are believed.
-- The traces' rows are locked meanwhile: of two who change a trace and its citations at once, the later one sees both.

create or replace function check_sibling_citations()
returns trigger
language plpgsql
as $$
declare
    is_whole constant boolean := tg_argv[0] = 'whole';
    changed_run text;
    citations artifacts;
    doc_ids text[];
    is_traced boolean;
    documents uuid[];
    fault text;
begin
    if
        tg_op = 'UPDATE'
        and (new.id, new.type, new.run_id, new.persona, new.retrieval_trace)
        is not distinct from (old.id, old.type, old.run_id, old.persona, old.retrieval_trace)
        and (new.type <> 'citations' or new.metadata = old.metadata)
    then
        return null;
    end if;

    for changed_run in
        select distinct artifact.run_id
        from unnest(array[old, new]::artifacts[]) as artifact
        where
            case
                when artifact.type = 'citations' then artifact.metadata ->> 'traceId' is null
                else artifact.retrieval_trace is not null
            end
    loop
        perform
        from artifacts as trace
        where
            trace.run_id = changed_run
            and trace.type <> 'citations'
            and trace.retrieval_trace is not null
        order by trace.id
        for no key update;

        for citations in
            select sibling.*
            from artifacts as sibling
            where
                sibling.run_id = changed_run
                and sibling.type = 'citations'
                and sibling.metadata ->> 'traceId' is null
                -- the others were looked at when they were recorded
                and (sibling.id = new.id or new.type is distinct from 'citations')
        loop
            select array_agg(distinct lower(doc_id)) filter (where doc_id is not null)
            into doc_ids
            from artifacts as trace
            left join lateral jsonb_array_elements_text(
                case
                    when jsonb_typeof(trace.retrieval_trace -> 'docIds') = 'array'
                        then trace.retrieval_trace -> 'docIds'
                end
            ) as doc_id on true
            where
                trace.run_id = changed_run
                and trace.type <> 'citations'
                and trace.retrieval_trace is not null
                and coalesce(trace.persona = citations.persona, true)
            having count(*) > 0;
            is_traced := found;
            documents := array(
                select document.id
                from kb_documents as document
                where
                    document.id = any (
                        select
                            case
                                when doc_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then doc_id::uuid
                            end
                        from unnest(doc_ids) as doc_id
                    )
            );
            fault := case
                when fault_of_citations(citations.metadata) is not null then
                    fault_of_citations(citations.metadata)
                when not is_traced then
                    case when is_whole then 'it is citations, and its run has no retrieval trace' end
                when cardinality(documents) < cardinality(doc_ids) then
                    null
                else (
                    select format('it cites %L, which is no document of its run''s traces', min(citation ->> 'path'))
                    from jsonb_array_elements(citations.metadata -> 'citations') as citation
                    where not exists (
                        select
                        from kb_documents as document
                        where
                            document.path = citation ->> 'path'
                            and document.id = any (documents)
                    )
                    having count(*) > 0
                )
            end;
            if fault is not null then
                raise check_violation using
                    message = format('artifact %s: %s', citations.id, fault),
                    table = tg_table_name,
                    constraint = tg_name;
            end if;
        end loop;

        if is_whole and old.type = 'citations' then
            select format('artifact %s: it has a retrieval trace and no citations', trace.id)
            into fault
            from artifacts as trace
            where
                trace.run_id = changed_run
                and trace.type <> 'citations'
                and trace.retrieval_trace is not null
                and not has_sibling_citations(trace.run_id, trace.persona)
                and not exists (
                    select
                    from artifacts as cited
                    where
                        cited.type = 'citations'
                        and cited.metadata ->> 'traceId' = trace.id::text
                )
            limit 1;
            if fault is not null then
                raise check_violation using
                    message = fault,
                    table = tg_table_name,
                    constraint = tg_name;
            end if;
        end if;
    end loop;
    return null;
end;
$$;
