-- Any parent, hash and amount is taken again.

alter table agent_settings
    drop constraint agent_settings_usage_today_check,
    drop constraint agent_settings_daily_limit_check;

alter table agent_executions
    drop constraint agent_executions_tokens_used_check;

alter table artifacts
    drop constraint artifacts_content_hash_check;

alter table checkpoints
    drop constraint checkpoints_parent_check,
    drop constraint checkpoints_parent_fkey;
