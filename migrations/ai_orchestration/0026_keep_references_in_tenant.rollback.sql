-- A reference may lead to another tenant or workflow again.

alter table edges
    drop constraint edges_workflow_id_target_step_id_fkey,
    drop constraint edges_workflow_id_source_step_id_fkey;

alter table steps
    drop constraint steps_workflow_id_block_group_id_fkey,
    drop constraint steps_workflow_id_id_key;

alter table block_groups
    drop constraint block_groups_workflow_id_parent_group_id_fkey,
    drop constraint block_groups_workflow_id_id_key;

alter table secrets
    drop constraint secrets_tenant_id_created_by_fkey;

alter table webhooks
    drop constraint webhooks_tenant_id_created_by_fkey,
    drop constraint webhooks_tenant_id_workflow_id_fkey;

alter table schedules
    drop constraint schedules_tenant_id_created_by_fkey,
    drop constraint schedules_tenant_id_workflow_id_fkey;

alter table runs
    drop constraint runs_tenant_id_triggered_by_user_fkey,
    drop constraint runs_tenant_id_workflow_id_fkey;

alter table workflows
    drop constraint workflows_tenant_id_created_by_fkey,
    drop constraint workflows_tenant_id_id_key;

alter table users
    drop constraint users_tenant_id_id_key;
