-- PostgreSQL has no way back to not valid but to make the constraint again.

alter table edges
    drop constraint edges_workflow_id_source_step_id_fkey,
    add constraint edges_workflow_id_source_step_id_fkey
    foreign key (workflow_id, source_step_id) references steps (workflow_id, id) on delete cascade not valid,
    drop constraint edges_workflow_id_target_step_id_fkey,
    add constraint edges_workflow_id_target_step_id_fkey
    foreign key (workflow_id, target_step_id) references steps (workflow_id, id) on delete cascade not valid;

alter table steps
    drop constraint steps_workflow_id_block_group_id_fkey,
    add constraint steps_workflow_id_block_group_id_fkey
    foreign key (workflow_id, block_group_id) references block_groups (workflow_id, id)
    on delete set null (block_group_id) not valid;

alter table block_groups
    drop constraint block_groups_workflow_id_parent_group_id_fkey,
    add constraint block_groups_workflow_id_parent_group_id_fkey
    foreign key (workflow_id, parent_group_id) references block_groups (workflow_id, id)
    on delete cascade not valid;

alter table secrets
    drop constraint secrets_tenant_id_created_by_fkey,
    add constraint secrets_tenant_id_created_by_fkey
    foreign key (tenant_id, created_by) references users (tenant_id, id) not valid;

alter table webhooks
    drop constraint webhooks_tenant_id_workflow_id_fkey,
    add constraint webhooks_tenant_id_workflow_id_fkey
    foreign key (tenant_id, workflow_id) references workflows (tenant_id, id) not valid,
    drop constraint webhooks_tenant_id_created_by_fkey,
    add constraint webhooks_tenant_id_created_by_fkey
    foreign key (tenant_id, created_by) references users (tenant_id, id) not valid;

alter table schedules
    drop constraint schedules_tenant_id_workflow_id_fkey,
    add constraint schedules_tenant_id_workflow_id_fkey
    foreign key (tenant_id, workflow_id) references workflows (tenant_id, id) not valid,
    drop constraint schedules_tenant_id_created_by_fkey,
    add constraint schedules_tenant_id_created_by_fkey
    foreign key (tenant_id, created_by) references users (tenant_id, id) not valid;

alter table runs
    drop constraint runs_tenant_id_workflow_id_fkey,
    add constraint runs_tenant_id_workflow_id_fkey
    foreign key (tenant_id, workflow_id) references workflows (tenant_id, id) not valid,
    drop constraint runs_tenant_id_triggered_by_user_fkey,
    add constraint runs_tenant_id_triggered_by_user_fkey
    foreign key (tenant_id, triggered_by_user) references users (tenant_id, id) not valid;

alter table workflows
    drop constraint workflows_tenant_id_created_by_fkey,
    add constraint workflows_tenant_id_created_by_fkey
    foreign key (tenant_id, created_by) references users (tenant_id, id) not valid;
