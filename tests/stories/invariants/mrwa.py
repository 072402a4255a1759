"""What holds in mrwa at the end of a day, whatever happened."""

from tests.stories.telling import Invariant

INVARIANTS = (
    Invariant(
        "whoever came is one user, whose address is proved",
        """
        select address, count(id)
        from unnest(%(people)s::text[]) as address
        left join users on email = address
        group by address
        having
            count(id) <> 1
            or not bool_and(email_verified and verification_token is null)
            or bool_or(last_login is null)
        """,
        "update users set email_verified = false",
    ),
    Invariant(
        "a device has at most one token that is good",
        """
        select family_id
        from sessions
        where not revoked
        group by family_id
        having count(*) > 1
        """,
        "update sessions set revoked = false",
    ),
    Invariant(
        "nobody stays logged in where a token was stolen",
        """
        select id, family_id
        from sessions
        where
            not revoked
            and family_id in (
                select family_id from sessions where id = any(%(robbed)s::uuid[])
            )
        """,
        "update sessions set revoked = false",
    ),
    Invariant(
        "who was not robbed is logged in by the last token that was given out",
        """
        select last
        from unnest(%(devices)s::uuid[], %(last)s::uuid[]) as device (first, last)
        left join sessions on id = last and not revoked
        where id is null and first <> all(%(robbed)s::uuid[])
        """,
        "update sessions set revoked = true",
    ),
    Invariant(
        "every token that was made was given out, and to one client",
        """
        select first, given, count(*)
        from unnest(%(devices)s::uuid[], %(tokens)s::integer[]) as device (first, given)
        inner join sessions as opened on opened.id = first
        inner join sessions using (family_id)
        group by first, given
        having count(*) <> given
        """,
        """
        insert into sessions (family_id, refresh_token, expires_at)
        select family_id, family_id::text, now() from sessions group by family_id
        """,
    ),
    Invariant(
        "every execution that was planned is over, in a state that its times fit",
        """
        select planned, status
        from unnest(%(planned)s::uuid[]) as planned
        left join executions on id = planned
        where
            (status in ('completed', 'failed', 'cancelled')) is not true
            or completed_at is null
            or completed_at < started_at
            or started_at is null and status <> 'cancelled'
            or (status = 'failed') <> (error_message is not null)
        """,
        "update executions set completed_at = null where status = 'completed'",
    ),
    Invariant(
        "what is completed has all its steps completed, each with its artifact, however many died",
        """
        select id, current_step, plan
        from executions
        where
            id = any(%(planned)s::uuid[])
            and status = 'completed'
            and (
                current_step <> (plan ->> 'total_steps')::integer
                or jsonb_path_exists(
                    plan,
                    '$.steps[*] ? (@.status != "completed" || @.attempts > $most)',
                    jsonb_build_object('most', attempts)
                )
                or current_step <> (
                    select count(*) from artifacts where artifacts.execution_id = executions.id
                )
            )
        """,
        "delete from artifacts",
    ),
    Invariant(
        "each attempt was claimed by one worker, and there are five at most",
        """
        select executions.id, started_at, attempts, count(execution_logs.id)
        from executions
        left join execution_logs on execution_id = executions.id and message like '%%: claimed'
        where executions.id = any(%(planned)s::uuid[])
        group by executions.id
        having
            count(execution_logs.id) <> attempts
            or count(distinct message) <> attempts
            or attempts > 5
            or (attempts = 0) <> (started_at is null)
        """,
        """
        insert into execution_logs (execution_id, level, message)
        select id, 'info', 'attempt 1: claimed' from executions
        """,
    ),
    Invariant(
        "each correction is counted",
        """
        select executions.id, plan -> 'corrections_applied', count(execution_logs.id)
        from executions
        left join execution_logs
            on execution_id = executions.id and message like '%%: step %% is wrong'
        where executions.id = any(%(planned)s::uuid[])
        group by executions.id
        having to_jsonb(count(execution_logs.id)) <> plan -> 'corrections_applied'
        """,
        "update executions set plan = jsonb_set(plan, '{corrections_applied}', '7')",
    ),
    Invariant(
        "every line that was written is kept once, and none of a worker that died",
        """
        select execution_id, message, written.line, log.times
        from (
            select execution_id, message, count(*) as times
            from execution_logs
            where execution_id = any(%(planned)s::uuid[])
            group by execution_id, message
        ) as log
        full join
            unnest(%(written_in)s::uuid[], %(written)s::text[]) as written (execution, line)
            on execution = execution_id and line = message
        where
            log.times is distinct from 1
            or line is null
        """,
        "delete from execution_logs where message like '%: claimed'",
    ),
    Invariant(
        "who looked on live read every line, each of them once",
        """
        select execution_id, message, seen.times
        from (
            select execution_id, message
            from execution_logs
            where execution_id = any(%(followed)s::uuid[])
        ) as log
        full join (
            select execution, line, count(*) as times
            from unnest(%(read_in)s::uuid[], %(read)s::text[]) as read (execution, line)
            group by execution, line
        ) as seen on execution = execution_id and line = message
        where seen.times is distinct from 1 or message is null
        """,
        "delete from execution_logs where message like '%: claimed'",
    ),
    Invariant(
        "everybody saw all executions of their own, and nobody another's",
        """
        select user_id, id, seen_by
        from (select * from executions where id = any(%(planned)s::uuid[])) as execution
        full join unnest(%(seen_by)s::uuid[], %(seen)s::uuid[]) as seen (seen_by, execution_id)
            on execution_id = id
        where seen_by is distinct from user_id
        """,
        "update executions set user_id = (select min(id::text)::uuid from users)",
    ),
    Invariant(
        "what was left by a killed worker was taken over, and no lease outlives its execution",
        """
        select id, status, worker, leased_until
        from executions
        where
            id = any(%(planned)s::uuid[])
            and (worker = 'doomed' and status <> 'cancelled' or leased_until is not null)
        """,
        "update executions set leased_until = now()",
    ),
)
