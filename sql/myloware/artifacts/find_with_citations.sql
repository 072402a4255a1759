-- What a persona read for an artifact, and which of it is cited why.
-- :optional
-- retrieval_trace: not null
select
    artifact.id,
    artifact.run_id,
    artifact.type,
    artifact.persona,
    artifact.retrieval_trace,
    citations.id as citations_id,
    coalesce((
        select jsonb_agg(citation)
        from (
            select
                citation ->> 'path' as path,
                citation ->> 'reason' as reason
            from jsonb_array_elements(citations.metadata -> 'citations') as citation
        ) as citation
    ), '[]') as citations,
    artifact.created_at
from artifacts as artifact
inner join artifacts as citations
    on
        citations.metadata ->> 'traceId' = cast(artifact.id as text)
        and citations.type = 'citations'
where
    artifact.id = :'id'
    and artifact.retrieval_trace is not null;
