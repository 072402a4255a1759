-- A version names its workflow alone, and a pass its run alone.

drop trigger block_group_runs_workflow on block_group_runs;

drop function take_workflow_of_run();

drop trigger workflow_versions_tenant on workflow_versions;

drop function take_tenant_of_workflow();

alter table block_group_runs
    drop column workflow_id;

alter table workflow_versions
    drop column tenant_id;
