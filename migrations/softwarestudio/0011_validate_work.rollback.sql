-- PostgreSQL has no way back to not valid but to make the constraint again. What was mended stays mended.

alter table agent_settings
    drop constraint agent_settings_usage_today_check,
    drop constraint agent_settings_daily_limit_check,
    add constraint agent_settings_daily_limit_check
    check (daily_limit >= 0) not valid,
    add constraint agent_settings_usage_today_check
    check (usage_today >= 0) not valid;

alter table agent_executions
    drop constraint agent_executions_tokens_used_check,
    add constraint agent_executions_tokens_used_check
    check (tokens_used >= 0) not valid;

alter table artifacts
    drop constraint artifacts_content_hash_check,
    add constraint artifacts_content_hash_check
    check (content_hash ~ '^[0-9a-f]{64}$') not valid;

alter table checkpoints
    drop constraint checkpoints_parent_check,
    drop constraint checkpoints_parent_fkey,
    add constraint checkpoints_parent_fkey
    foreign key (thread_id, parent_checkpoint_id) references checkpoints (thread_id, checkpoint_id)
    on delete set null (parent_checkpoint_id) not valid,
    add constraint checkpoints_parent_check
    check (parent_checkpoint_id <> checkpoint_id) not valid;
