-- Proves the limits of 0010 for the rows that were there before them. A parent that is not there any more leads
-- nowhere and is forgotten; a hash in capitals is written small. Validating reads each table while reads and writes
-- go on. It stops at a value it cannot mend: correct that row, then run it again.

update checkpoints
set parent_checkpoint_id = null
where
    parent_checkpoint_id is not null
    and (
        parent_checkpoint_id = checkpoint_id
        or not exists (
            select
            from checkpoints as parent
            where
                parent.thread_id = checkpoints.thread_id
                and parent.checkpoint_id = checkpoints.parent_checkpoint_id
        )
    );

update artifacts
set content_hash = lower(content_hash)
where content_hash <> lower(content_hash);

alter table checkpoints
    validate constraint checkpoints_parent_fkey,
    validate constraint checkpoints_parent_check;

alter table artifacts
    validate constraint artifacts_content_hash_check;

alter table agent_executions
    validate constraint agent_executions_tokens_used_check;

alter table agent_settings
    validate constraint agent_settings_daily_limit_check,
    validate constraint agent_settings_usage_today_check;
