-- What a persona read for an artifact, and which of it is cited why.
-- The citations are those that name the artifact; where none does, those of its run and persona that name none, as
-- another program than this one records them.
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
            from artifacts as cited
            cross join jsonb_array_elements(
                case when jsonb_typeof(cited.metadata -> 'citations') = 'array' then cited.metadata -> 'citations' end
            ) as citation
            where
                cited.run_id = artifact.run_id
                and cited.type = 'citations'
                and cited.metadata ->> 'traceId' is not distinct from citations.trace_id
                and (
                    citations.trace_id is not null
                    or coalesce(cited.persona = artifact.persona, true)
                )
            order by cited.created_at, cited.id
        ) as citation
    ), '[]') as citations,
    artifact.created_at
from artifacts as artifact
inner join lateral (
    select
        cited.id,
        cited.metadata ->> 'traceId' as trace_id
    from artifacts as cited
    where
        cited.run_id = artifact.run_id
        and cited.type = 'citations'
        and (
            cited.metadata ->> 'traceId' = cast(artifact.id as text)
            or (
                cited.metadata ->> 'traceId' is null
                and coalesce(cited.persona = artifact.persona, true)
            )
        )
    order by (cited.metadata ->> 'traceId' is null), cited.created_at, cited.id
    limit 1
) as citations on true
where
    artifact.id = :'id'
    and artifact.type <> 'citations'
    and artifact.retrieval_trace is not null;
