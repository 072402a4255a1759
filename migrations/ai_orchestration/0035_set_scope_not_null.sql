-- 0034 has proved it, so the tables are not read again.

alter table workflow_versions
    alter column tenant_id set not null,
    drop constraint workflow_versions_tenant_id_check;

alter table block_group_runs
    alter column workflow_id set not null,
    drop constraint block_group_runs_workflow_id_check;
