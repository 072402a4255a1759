"""What holds in softwarestudio at the end of a day, whatever happened."""

from tests.stories.telling import Invariant

INVARIANTS = (
    Invariant(
        "no hard limit is passed",
        """
        select profile_name, usage_today, daily_limit
        from agent_settings
        where hard_limit and daily_limit > 0 and usage_today > daily_limit
        """,
        "update agent_settings set usage_today = daily_limit + 1 where hard_limit",
    ),
    Invariant(
        "what is counted is what was granted and not given back",
        """
        select profile_name, usage_today, granted.tokens
        from agent_settings
        inner join unnest(%(profiles)s::text[], %(granted)s::integer[]) as granted (name, tokens)
            on profile_name = granted.name
        where usage_today <> granted.tokens and created_at >= current_date
        """,
        "update agent_settings set usage_today = usage_today + 1",
    ),
    Invariant(
        "exactly one version of a prompt is active, and its file is the profile's",
        """
        select profile_name
        from agent_settings
        inner join prompt_versions using (profile_name)
        where starts_with(profile_name, %(story)s)
        group by profile_name
        having
            count(*) filter (where is_active) <> 1
            or not bool_or(is_active and active_prompt_path = 'prompts/' || version_number || '.md')
        """,
        """
        drop index prompt_versions_active_key;
        update prompt_versions set is_active = true
        """,
    ),
    Invariant(
        "the versions of a prompt have no gap, and every writer has one",
        """
        select profile_name, count(*), max(version_number)
        from prompt_versions
        where starts_with(profile_name, %(story)s)
        group by profile_name
        having count(*) <> max(version_number) or count(*) < %(workers)s
        """,
        "delete from prompt_versions where version_number = 1",
    ),
    Invariant(
        "no mission that was accepted is lost, and none is doubled",
        """
        select accepted
        from unnest(%(sessions)s::text[]) as accepted
        full join (
            select session_id from sessions where starts_with(session_id, %(story)s)
        ) as session on session_id = accepted
        where accepted is null or session_id is null
        """,
        "delete from sessions where session_id like '%-0'",
    ),
    Invariant(
        "every session has come to an end, with the trail that leads there",
        """
        select session_id, status, current_phase, trail.*
        from sessions
        cross join lateral (
            select
                count(*) filter (where event_type = 'session_created') as created,
                count(*) filter (where event_type = 'session_approved') as approved,
                count(*) filter (where event_type = 'session_completed') as completed,
                count(*) filter (where event_type = 'session_failed') as failed
            from audit_log
            where audit_log.session_id = sessions.session_id
        ) as trail
        where
            starts_with(session_id, %(story)s)
            and (
                status not in ('completed', 'failed')
                or created <> 1
                or approved <> (current_phase in ('eng', 'qa', 'complete'))::integer
                or completed <> (status = 'completed')::integer
                or failed <> (status = 'failed')::integer
            )
        """,
        "delete from audit_log where event_type = 'session_approved'",
    ),
    Invariant(
        "every iteration was built once and tested once",
        """
        select session_id, iteration_count, built, tested
        from sessions
        cross join lateral (
            select
                count(*) filter (where agent_type = 'eng') as built,
                count(*) filter (where agent_type = 'qa') as tested
            from agent_executions
            where
                agent_executions.session_id = sessions.session_id
                and agent_executions.status = 'completed'
        ) as work
        where
            starts_with(session_id, %(story)s)
            and status = 'completed'
            and (built <> iteration_count + 1 or tested <> iteration_count + 1 or not qa_passed)
        """,
        """
        insert into agent_executions (session_id, agent_type, status)
        select session_id, 'eng', 'completed' from sessions where status = 'completed'
        """,
    ),
    Invariant(
        "every execution has ended, and its beginning and end are each one event",
        """
        select id, status
        from agent_executions
        cross join lateral (
            select
                count(*) filter (where event_type = 'agent_started') as started,
                count(*) filter (where event_type = 'agent_completed') as ended
            from audit_log
            where
                audit_log.session_id = agent_executions.session_id
                and details -> 'execution_id' = to_jsonb(agent_executions.id)
        ) as trail
        where
            starts_with(session_id, %(story)s)
            and (status <> 'completed' or completed_at < started_at or (started, ended) <> (1, 1))
        """,
        """
        update agent_executions set status = 'running'
        where id = (select max(id) from agent_executions)
        """,
    ),
    Invariant(
        "what a dead worker did has left no event",
        """
        select id, event_type, details
        from audit_log
        where
            starts_with(session_id, %(story)s)
            and details ? 'execution_id'
            and not exists (
                select
                from agent_executions
                where to_jsonb(agent_executions.id) = details -> 'execution_id'
            )
        """,
        "delete from agent_executions where id = (select max(id) from agent_executions)",
    ),
    Invariant(
        "every turn left one execution and one checkpoint, and the state is that of the last",
        """
        select session_id, executions, turns, last, state_json
        from sessions
        cross join lateral (
            select count(*) as executions
            from agent_executions
            where agent_executions.session_id = sessions.session_id
        ) as work
        cross join lateral (
            select count(*) as turns, coalesce(max(checkpoint_id::integer), 0) as last
            from checkpoints
            where thread_id = session_id
        ) as thread
        where
            starts_with(session_id, %(story)s)
            and not (
                executions = turns
                and turns = last
                and last = coalesce((state_json ->> 'turn')::integer, 0)
            )
        """,
        """
        update sessions set state_json = '{"turn": 1}' where status = 'completed'
        """,
    ),
    Invariant(
        "the checkpoints of a session are one line from its first turn to its last",
        """
        select thread_id, checkpoint_id, parent_checkpoint_id
        from checkpoints
        where
            starts_with(thread_id, %(story)s)
            and parent_checkpoint_id is distinct from nullif(checkpoint_id::integer - 1, 0)::text
        """,
        """
        set local session_replication_role = replica;
        update checkpoints set parent_checkpoint_id = null
        """,
    ),
    Invariant(
        "the versions of a file have no gap, and no two that follow are the same",
        """
        select session_id, file_path, version
        from (
            select
                *,
                row_number() over file as number,
                lag(content_hash) over file as before
            from artifacts
            where starts_with(session_id, %(story)s)
            window file as (partition by session_id, artifact_type, file_path order by version)
        ) as numbered
        where version <> number or content_hash = before
        """,
        "delete from artifacts where version = 1",
    ),
    Invariant(
        "every load of metrics is there whole, and once",
        """
        select worker, count(recorded_at)
        from generate_series(0, %(workers)s - 1) as worker
        left join metrics
            on metric_name = %(metric)s and labels = jsonb_build_object('worker', worker)
        group by worker
        having count(recorded_at) <> %(values)s
        """,
        """
        delete from metrics
        where labels = '{"worker": 0}' and recorded_at > (select min(recorded_at) from metrics)
        """,
    ),
)
