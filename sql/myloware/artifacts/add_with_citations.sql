-- Records what a persona read, and beside it the citations: both or neither.
-- The trace is documents and, in the same order, their similarities, as kb_embeddings.search gives them. The citations
-- are a list of {"path", "reason"}; a path that none of the documents has is refused.
-- id: not null
-- :one
\if :{?type} \else \set type retrieval.trace \endif
with trace as (
    insert into artifacts (run_id, type, provider, persona, retrieval_trace)
    select
        run.run_id,
        :'type' as type,
        :'persona' as provider,
        :'persona' as persona,
        jsonb_build_object(
            'query', cast(:'query' as text),
            'docIds', cast(:'doc_ids' as uuid[]),
            'similarities', cast(:'similarities' as double precision[]),
            'persona', cast(:'persona' as text),
            'project', run.project
        ) as retrieval_trace
    from runs as run
    where run.run_id = :'run_id'
    returning id, run_id, persona
)

insert into artifacts (run_id, type, provider, persona, metadata)
select
    trace.run_id,
    'citations' as type,
    trace.persona as provider,
    trace.persona,
    jsonb_build_object('traceId', trace.id, 'citations', cast(:'citations' as jsonb)) as metadata
from trace
returning cast(metadata ->> 'traceId' as uuid) as id, id as citations_id;
