"""What holds in myloware at the end of a day, whatever happened."""

from tests.stories.telling import Invariant

INVARIANTS = (
    Invariant(
        "no webhook is lost or doubled, and a forged one has not kept the real one out",
        """
        select sent, count(event.id)
        from unnest(%(webhooks)s::text[]) as sent
        left join webhook_events as event
            on event.idempotency_key = sent and event.signature_status = 'valid'
        group by sent
        having count(event.id) <> 1
        """,
        "update webhook_events set signature_status = 'invalid'",
    ),
    Invariant(
        "every webhook was processed once, or is a dead letter and was not",
        """
        select sent, processed.times, waiting.times
        from unnest(%(webhooks)s::text[]) as sent
        cross join lateral (
            select count(*) as times from artifacts where metadata ->> 'webhook' = sent
        ) as processed
        cross join lateral (
            select count(*) as times from webhook_dlq where idempotency_key = sent
        ) as waiting
        where processed.times + waiting.times <> 1
        """,
        "delete from webhook_dlq",
    ),
    Invariant(
        "the only dead letter is the one that nobody could process, and it is given up",
        """
        select %(poison)s as expected, idempotency_key, next_retry_at
        from (select %(poison)s as poison) as expected
        full join (
            select * from webhook_dlq where starts_with(idempotency_key, %(story)s || '-')
        ) as letter on idempotency_key = poison
        where next_retry_at is distinct from 'infinity' or poison is null
        """,
        "update webhook_dlq set next_retry_at = now()",
    ),
    Invariant(
        "no request is lost, and none is doubled",
        """
        select taken, run_id
        from unnest(%(runs)s::text[]) as taken
        full join (select * from runs where project = %(story)s) as run on run_id = taken
        where run_id is null or taken is null
        """,
        """
        insert into runs (run_id, project, status)
        select run_id || ' again', project, status from runs
        """,
    ),
    Invariant(
        "every run is over, and tells how",
        """
        select run_id, status, result
        from runs
        where
            project = %(story)s
            and (status not in ('published', 'failed') or result is null)
        """,
        """
        set local session_replication_role = replica;
        update runs set status = 'running'
        """,
    ),
    Invariant(
        "no gate was opened twice, and none was passed without",
        """
        select run_id, runs.status, array_agg(gate order by gate)
        from runs
        left join hitl_approvals using (run_id)
        where project = %(story)s
        group by run_id
        having
            count(gate) <> count(distinct gate)
            or count(gate) < 3 and runs.status = 'published'
        """,
        "delete from hitl_approvals where gate = 'ideate'",
    ),
    Invariant(
        "the checkpoint of a run tells how far it has got, and what it left says the same",
        """
        select run_id, state, traces, clips
        from runs
        inner join orchestration_checkpoints using (run_id)
        cross join lateral (
            select
                count(*) filter (where type = 'retrieval.trace') as traces,
                count(*) filter (where type = 'clip') as clips
            from artifacts
            where artifacts.run_id = runs.run_id
        ) as made
        where
            project = %(story)s
            and (state ->> 'turn')::integer
            <> traces + clips::numeric / %(clips)s + (runs.status = 'published')::integer
        """,
        "delete from artifacts where type = 'clip' and metadata = '{\"number\": 0}'",
    ),
    Invariant(
        "a trace has its citations, and they name a document that was read",
        """
        select trace.id
        from artifacts as trace
        inner join runs using (run_id)
        left join artifacts as cited
            on cited.type = 'citations' and cited.metadata ->> 'traceId' = trace.id::text
        left join kb_documents as document
            on
                trace.retrieval_trace -> 'docIds' ? document.id::text
                and cited.metadata #>> '{citations,0,path}' = document.path
        where
            runs.project = %(story)s
            and trace.type = 'retrieval.trace'
            and document.id is null
        """,
        """
        set local session_replication_role = replica;
        delete from artifacts where type = 'citations'
        """,
    ),
    Invariant(
        "a project has exactly one primary account",
        """
        select project
        from project_socials
        group by project
        having
            count(*) filter (where is_primary) > 1
            or project = %(story)s and not bool_or(is_primary)
        """,
        "update project_socials set is_primary = false",
    ),
    Invariant(
        "every document that was loaded is there with its embedding, and no other",
        """
        select loaded, doc_id
        from unnest(%(documents)s::uuid[]) as loaded
        full join (
            select kb_documents.id, doc_id
            from kb_documents
            left join kb_embeddings on doc_id = kb_documents.id
            where project = %(story)s
        ) as document on id = loaded
        where doc_id is null or loaded is null
        """,
        "delete from kb_embeddings where id = (select id from kb_embeddings limit 1)",
    ),
)
