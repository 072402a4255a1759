-- How far an execution has come: its status, and its plan with the steps in their order.
-- A step without id, name or status is none; a plan without steps has an empty list of them.
-- :optional
select
    execution.status,
    execution.current_step,
    cast(execution.plan ->> 'total_steps' as integer) as total_steps,
    cast(execution.plan ->> 'corrections_applied' as integer) as corrections_applied,
    coalesce((
        select jsonb_agg(step order by step.id)
        from (
            select
                planned.id,
                planned.name,
                planned.description,
                planned.status,
                planned.output,
                coalesce(planned.attempts, 0) as attempts,
                planned.duration_ms
            from jsonb_to_recordset(execution.plan -> 'steps') as planned (
                id integer,
                name text,
                description text,
                status text,
                output text,
                attempts integer,
                duration_ms integer
            )
            where
                planned.id is not null
                and planned.name is not null
                and planned.status is not null
        ) as step
    ), '[]') as steps,
    execution.started_at,
    execution.completed_at,
    execution.error_message
from executions as execution
where execution.id = :'execution_id';
