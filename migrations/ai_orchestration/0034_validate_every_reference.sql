-- Proves the references of 0033 for the rows that were there before them, while reads and writes go on.
-- A step run may name a pass that was deleted, since nothing held it until now: it forgets that one first.
-- It stops at a row that leads to another tenant or workflow: mend that row, then run it again.

update step_runs
set block_group_run_id = null
where
    block_group_run_id is not null
    and not exists (
        select
        from block_group_runs as pass
        where pass.id = step_runs.block_group_run_id
    );

alter table workflow_versions
    validate constraint workflow_versions_tenant_id_check,
    validate constraint workflow_versions_tenant_id_workflow_id_fkey,
    validate constraint workflow_versions_tenant_id_published_by_fkey;

alter table schedules
    validate constraint schedules_workflow_id_last_run_id_fkey;

alter table block_group_runs
    validate constraint block_group_runs_workflow_id_check,
    validate constraint block_group_runs_workflow_id_run_id_fkey,
    validate constraint block_group_runs_workflow_id_block_group_id_fkey,
    validate constraint block_group_runs_run_id_parent_run_id_fkey;

alter table step_runs
    validate constraint step_runs_run_id_block_group_run_id_fkey;
