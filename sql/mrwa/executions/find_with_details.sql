-- One execution with its logs and its artifacts, each of them once, oldest first.
-- The document joins both at a time, which repeats every log for every artifact, and gives [null] for none;
-- here an execution without any has an empty list of them.
-- :optional
select
    execution.id,
    execution.user_id,
    execution.input_type,
    execution.input_value,
    execution.input_file_url,
    execution.status,
    execution.plan,
    execution.current_step,
    execution.created_at,
    execution.started_at,
    execution.completed_at,
    execution.metadata,
    execution.error_message,
    execution.worker,
    execution.leased_until,
    execution.attempts,
    execution.input_key,
    coalesce((
        select jsonb_agg(log order by log.timestamp, log.id)
        from (
            select
                log.id,
                log.execution_id,
                log.timestamp,
                log.level,
                log.message,
                log.metadata,
                log.step_id
            from execution_logs as log
            where log.execution_id = execution.id
        ) as log
    ), '[]') as logs,
    coalesce((
        select jsonb_agg(artifact order by artifact.created_at, artifact.id)
        from (
            select
                artifact.id,
                artifact.execution_id,
                artifact.type,
                artifact.name,
                artifact.data,
                artifact.file_url,
                artifact.file_size_bytes,
                artifact.mime_type,
                artifact.verified,
                artifact.created_at
            from artifacts as artifact
            where artifact.execution_id = execution.id
        ) as artifact
    ), '[]') as artifacts
from executions as execution
where execution.id = :'execution_id';
