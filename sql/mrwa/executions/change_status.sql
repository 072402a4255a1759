-- Takes an execution a step further and gives its times, or none where it is not in from_status any more.
-- Of several workers that take the same step one gets the row; a step that cannot be taken is an error of the database.
-- The first start and the end are noted, and each step to correcting counts as one correction in the plan.
-- A step renews the lease, and the end ends it. With an attempt, as claim gave it, nothing is touched where another
-- worker has the execution meanwhile.
-- :optional
\if :{?lease} \else \set lease '5 minutes' \endif
update executions
set
\if :{?error_message}
    error_message = :'error_message',
\endif
    status = :'status',
    started_at = case
        when :'status' = 'running' then coalesce(started_at, now())
        else started_at
    end,
    completed_at = case when :'status' in ('completed', 'failed', 'cancelled') then now() end,
    leased_until = case
        when :'status' not in ('completed', 'failed', 'cancelled')
            then greatest(leased_until, now() + :'lease')
    end,
    plan = case
        when :'status' = 'correcting'
            then jsonb_set(
                plan,
                '{corrections_applied}',
                to_jsonb(coalesce(cast(plan ->> 'corrections_applied' as integer), 0) + 1)
            )
        else plan
    end
where
    id = :'execution_id'
\if :{?attempt}
    and attempts = :'attempt'
\endif
    and status = :'from_status'
    and status <> :'status'
returning
    started_at,
    completed_at;
