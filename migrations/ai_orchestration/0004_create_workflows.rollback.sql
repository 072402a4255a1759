-- Versions first: they point at their workflow.

drop table workflow_versions;
drop table workflows;
