-- Gives the rows that were there before 0030 their tenant and workflow; no table is locked, only these rows.

update workflow_versions
set tenant_id = workflow.tenant_id
from workflows as workflow
where
    workflow_versions.workflow_id = workflow.id
    and workflow_versions.tenant_id is null;

update block_group_runs
set workflow_id = run.workflow_id
from runs as run
where
    block_group_runs.run_id = run.id
    and block_group_runs.workflow_id is null;
