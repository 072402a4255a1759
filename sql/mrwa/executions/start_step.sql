-- Begins a step of the plan, again if it was tried before: its attempts go up and it is the current one.
-- It touches none where the execution is not at work or has no such step, nor with the attempt of a worker
-- that has lost it.
-- :exec
update executions as execution
set
    current_step = :'step_id',
    plan = jsonb_set(execution.plan, '{steps}', (
        select
            jsonb_agg(
                case
                    when step.planned -> 'id' = to_jsonb(cast(:'step_id' as integer))
                        then step.planned || jsonb_build_object(
                            'status', 'running',
                            'attempts', coalesce(cast(step.planned ->> 'attempts' as integer), 0) + 1
                        )
                    else step.planned
                end
                order by step.position
            )
        from jsonb_array_elements(execution.plan -> 'steps') with ordinality as step (planned, position)
    ))
where
    execution.id = :'execution_id'
\if :{?attempt}
    and execution.attempts = :'attempt'
\endif
    and execution.status in ('running', 'validating', 'correcting')
    and execution.plan -> 'steps' @> jsonb_build_array(jsonb_build_object('id', cast(:'step_id' as integer)));
