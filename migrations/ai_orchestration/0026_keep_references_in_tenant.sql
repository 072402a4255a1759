-- A foreign key proved that a workflow or a user exists, not that it is of the same tenant: a run could name
-- another tenant's workflow, and row-level security does not look at references. In the same way an edge could
-- lead to a step of another workflow. Each such reference now carries what both sides share.
-- The four tables with a new key are edited by people and stay small: the lock lasts as long as their index takes.
-- Not valid binds new rows at once without reading the old ones under a lock; 0027 reads those.

alter table users
    add constraint users_tenant_id_id_key unique (tenant_id, id);

alter table workflows
    add constraint workflows_tenant_id_id_key unique (tenant_id, id),
    add constraint workflows_tenant_id_created_by_fkey
    foreign key (tenant_id, created_by) references users (tenant_id, id) not valid;

alter table runs
    add constraint runs_tenant_id_workflow_id_fkey
    foreign key (tenant_id, workflow_id) references workflows (tenant_id, id) not valid,
    add constraint runs_tenant_id_triggered_by_user_fkey
    foreign key (tenant_id, triggered_by_user) references users (tenant_id, id) not valid;

alter table schedules
    add constraint schedules_tenant_id_workflow_id_fkey
    foreign key (tenant_id, workflow_id) references workflows (tenant_id, id) not valid,
    add constraint schedules_tenant_id_created_by_fkey
    foreign key (tenant_id, created_by) references users (tenant_id, id) not valid;

alter table webhooks
    add constraint webhooks_tenant_id_workflow_id_fkey
    foreign key (tenant_id, workflow_id) references workflows (tenant_id, id) not valid,
    add constraint webhooks_tenant_id_created_by_fkey
    foreign key (tenant_id, created_by) references users (tenant_id, id) not valid;

alter table secrets
    add constraint secrets_tenant_id_created_by_fkey
    foreign key (tenant_id, created_by) references users (tenant_id, id) not valid;

alter table block_groups
    add constraint block_groups_workflow_id_id_key unique (workflow_id, id),
    add constraint block_groups_workflow_id_parent_group_id_fkey
    foreign key (workflow_id, parent_group_id) references block_groups (workflow_id, id)
    on delete cascade not valid;

alter table steps
    add constraint steps_workflow_id_id_key unique (workflow_id, id),
    add constraint steps_workflow_id_block_group_id_fkey
    foreign key (workflow_id, block_group_id) references block_groups (workflow_id, id)
    on delete set null (block_group_id) not valid;

alter table edges
    add constraint edges_workflow_id_source_step_id_fkey
    foreign key (workflow_id, source_step_id) references steps (workflow_id, id) on delete cascade not valid,
    add constraint edges_workflow_id_target_step_id_fkey
    foreign key (workflow_id, target_step_id) references steps (workflow_id, id) on delete cascade not valid;
