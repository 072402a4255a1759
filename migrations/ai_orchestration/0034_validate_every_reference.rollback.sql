-- PostgreSQL has no way back to not valid but to make the constraint again.

alter table workflow_versions
    drop constraint workflow_versions_tenant_id_check,
    add constraint workflow_versions_tenant_id_check
    check (tenant_id is not null) not valid,
    drop constraint workflow_versions_tenant_id_workflow_id_fkey,
    add constraint workflow_versions_tenant_id_workflow_id_fkey
    foreign key (tenant_id, workflow_id) references workflows (tenant_id, id) not valid,
    drop constraint workflow_versions_tenant_id_published_by_fkey,
    add constraint workflow_versions_tenant_id_published_by_fkey
    foreign key (tenant_id, published_by) references users (tenant_id, id) not valid;

alter table schedules
    drop constraint schedules_workflow_id_last_run_id_fkey,
    add constraint schedules_workflow_id_last_run_id_fkey
    foreign key (workflow_id, last_run_id) references runs (workflow_id, id) not valid;

alter table block_group_runs
    drop constraint block_group_runs_workflow_id_check,
    add constraint block_group_runs_workflow_id_check
    check (workflow_id is not null) not valid,
    drop constraint block_group_runs_workflow_id_run_id_fkey,
    add constraint block_group_runs_workflow_id_run_id_fkey
    foreign key (workflow_id, run_id) references runs (workflow_id, id) on delete cascade not valid,
    drop constraint block_group_runs_workflow_id_block_group_id_fkey,
    add constraint block_group_runs_workflow_id_block_group_id_fkey
    foreign key (workflow_id, block_group_id) references block_groups (workflow_id, id)
    on delete cascade not valid,
    drop constraint block_group_runs_run_id_parent_run_id_fkey,
    add constraint block_group_runs_run_id_parent_run_id_fkey
    foreign key (run_id, parent_run_id) references block_group_runs (run_id, id)
    on delete cascade not valid;

alter table step_runs
    drop constraint step_runs_run_id_block_group_run_id_fkey,
    add constraint step_runs_run_id_block_group_run_id_fkey
    foreign key (run_id, block_group_run_id) references block_group_runs (run_id, id)
    on delete set null (block_group_run_id) not valid;
