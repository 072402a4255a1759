-- Ends the step of the plan that is running as completed or failed, with its output and how long it took.
-- It touches none where the execution is not at work or the step is not running, nor with the attempt of
-- a worker that has lost it.
-- output: nullable
-- duration_ms: nullable
-- :exec
\if :{?status} \else \set status completed \endif
update executions as execution
set
    plan = jsonb_set(execution.plan, '{steps}', (
        select
            jsonb_agg(
                case
                    when step.planned -> 'id' = to_jsonb(cast(:'step_id' as integer))
                        then step.planned || jsonb_build_object(
                            'status', cast(:'status' as text),
                            'output', cast(:'output' as text),
                            'duration_ms', cast(:'duration_ms' as integer)
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
    and execution.plan -> 'steps' @> jsonb_build_array(
        jsonb_build_object('id', cast(:'step_id' as integer), 'status', 'running')
    );
