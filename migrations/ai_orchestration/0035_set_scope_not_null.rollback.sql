-- The checks say what the columns said.

alter table block_group_runs
    add constraint block_group_runs_workflow_id_check
    check (workflow_id is not null),
    alter column workflow_id drop not null;

alter table workflow_versions
    add constraint workflow_versions_tenant_id_check
    check (tenant_id is not null),
    alter column tenant_id drop not null;
