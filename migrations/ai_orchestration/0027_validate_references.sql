-- Proves the references for the rows that were there before them, while reads and writes go on.
-- It stops at a row that leads to another tenant or workflow: mend that row, then run it again.

alter table workflows
    validate constraint workflows_tenant_id_created_by_fkey;

alter table runs
    validate constraint runs_tenant_id_workflow_id_fkey,
    validate constraint runs_tenant_id_triggered_by_user_fkey;

alter table schedules
    validate constraint schedules_tenant_id_workflow_id_fkey,
    validate constraint schedules_tenant_id_created_by_fkey;

alter table webhooks
    validate constraint webhooks_tenant_id_workflow_id_fkey,
    validate constraint webhooks_tenant_id_created_by_fkey;

alter table secrets
    validate constraint secrets_tenant_id_created_by_fkey;

alter table block_groups
    validate constraint block_groups_workflow_id_parent_group_id_fkey;

alter table steps
    validate constraint steps_workflow_id_block_group_id_fkey;

alter table edges
    validate constraint edges_workflow_id_source_step_id_fkey,
    validate constraint edges_workflow_id_target_step_id_fkey;
