-- A publisher, a last run, a group and a pass may be of another tenant again.

alter table step_runs
    drop constraint step_runs_run_id_block_group_run_id_fkey;

alter table block_group_runs
    drop constraint block_group_runs_run_id_parent_run_id_fkey,
    drop constraint block_group_runs_workflow_id_block_group_id_fkey,
    drop constraint block_group_runs_workflow_id_run_id_fkey,
    drop constraint block_group_runs_workflow_id_check;

alter table schedules
    drop constraint schedules_workflow_id_last_run_id_fkey;

alter table workflow_versions
    drop constraint workflow_versions_tenant_id_published_by_fkey,
    drop constraint workflow_versions_tenant_id_workflow_id_fkey,
    drop constraint workflow_versions_tenant_id_check;
