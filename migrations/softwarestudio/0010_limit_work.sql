-- What the work on these tables relies on is held by the database: a checkpoint's parent is of its own thread
-- and never itself, a content hash is a SHA-256 in lower-case hexadecimal, so that equal contents have equal hashes,
-- and nothing that is counted is negative. Clearing old checkpoints makes their children roots.
-- Not valid binds new rows at once without reading the old ones under a lock; 0011 reads those.

alter table checkpoints
    add constraint checkpoints_parent_fkey
    foreign key (thread_id, parent_checkpoint_id) references checkpoints (thread_id, checkpoint_id)
    on delete set null (parent_checkpoint_id) not valid,
    add constraint checkpoints_parent_check
    check (parent_checkpoint_id <> checkpoint_id) not valid;

alter table artifacts
    add constraint artifacts_content_hash_check
    check (content_hash ~ '^[0-9a-f]{64}$') not valid;

alter table agent_executions
    add constraint agent_executions_tokens_used_check
    check (tokens_used >= 0) not valid;

alter table agent_settings
    add constraint agent_settings_daily_limit_check
    check (daily_limit >= 0) not valid,
    add constraint agent_settings_usage_today_check
    check (usage_today >= 0) not valid;
