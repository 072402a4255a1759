-- Every role with the privilege sees the rows of all tenants again.

drop policy adapters_tenant_removes on adapters;

drop policy adapters_tenant_changes on adapters;

drop policy adapters_tenant_adds on adapters;

drop policy adapters_tenant_reads on adapters;

alter table adapters
    disable row level security;

drop policy block_group_runs_tenant_isolation on block_group_runs;

alter table block_group_runs
    disable row level security;

drop policy step_runs_tenant_isolation on step_runs;

alter table step_runs
    disable row level security;

drop policy block_groups_tenant_isolation on block_groups;

alter table block_groups
    disable row level security;

drop policy edges_tenant_isolation on edges;

alter table edges
    disable row level security;

drop policy steps_tenant_isolation on steps;

alter table steps
    disable row level security;

drop policy workflow_versions_tenant_isolation on workflow_versions;

alter table workflow_versions
    disable row level security;

drop policy audit_logs_tenant_isolation on audit_logs;

alter table audit_logs
    disable row level security;

drop policy secrets_tenant_isolation on secrets;

alter table secrets
    disable row level security;

drop policy webhooks_tenant_isolation on webhooks;

alter table webhooks
    disable row level security;

drop policy schedules_tenant_isolation on schedules;

alter table schedules
    disable row level security;

drop policy runs_tenant_isolation on runs;

alter table runs
    disable row level security;

drop policy workflows_tenant_isolation on workflows;

alter table workflows
    disable row level security;

drop policy users_tenant_isolation on users;

alter table users
    disable row level security;

drop policy tenants_tenant_isolation on tenants;

alter table tenants
    disable row level security;
