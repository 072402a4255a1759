-- The columns go with 0030; a value in them is as good as none.

update workflow_versions
set tenant_id = null;

update block_group_runs
set workflow_id = null;
