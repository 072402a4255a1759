-- A forgotten where clause showed one tenant the rows of all; now the database itself keeps them apart.
-- A session sees the tenant in app.tenant_id, and no tenant at all while that is unset or empty. The setting is read in
-- a subquery, so that a statement reads it once and not once a row.
-- The tables' owner and superusers stand above the policies: migrations, the scheduler and retention work for every
-- tenant as the owner. The application connects as a role that owns nothing and is granted what it uses.

alter table tenants
    enable row level security;

create policy tenants_tenant_isolation on tenants
    for all
    using (id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table users
    enable row level security;

create policy users_tenant_isolation on users
    for all
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table workflows
    enable row level security;

create policy workflows_tenant_isolation on workflows
    for all
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table runs
    enable row level security;

create policy runs_tenant_isolation on runs
    for all
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table schedules
    enable row level security;

create policy schedules_tenant_isolation on schedules
    for all
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table webhooks
    enable row level security;

create policy webhooks_tenant_isolation on webhooks
    for all
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table secrets
    enable row level security;

create policy secrets_tenant_isolation on secrets
    for all
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table audit_logs
    enable row level security;

create policy audit_logs_tenant_isolation on audit_logs
    for all
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- What has no tenant of its own belongs to that of its workflow or run.

alter table workflow_versions
    enable row level security;

create policy workflow_versions_tenant_isolation on workflow_versions
    for all
    using (
        exists (
            select
            from workflows as workflow
            where
                workflow.id = workflow_versions.workflow_id
                and workflow.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    )
    with check (
        exists (
            select
            from workflows as workflow
            where
                workflow.id = workflow_versions.workflow_id
                and workflow.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    );

alter table steps
    enable row level security;

create policy steps_tenant_isolation on steps
    for all
    using (
        exists (
            select
            from workflows as workflow
            where
                workflow.id = steps.workflow_id
                and workflow.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    )
    with check (
        exists (
            select
            from workflows as workflow
            where
                workflow.id = steps.workflow_id
                and workflow.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    );

alter table edges
    enable row level security;

create policy edges_tenant_isolation on edges
    for all
    using (
        exists (
            select
            from workflows as workflow
            where
                workflow.id = edges.workflow_id
                and workflow.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    )
    with check (
        exists (
            select
            from workflows as workflow
            where
                workflow.id = edges.workflow_id
                and workflow.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    );

alter table block_groups
    enable row level security;

create policy block_groups_tenant_isolation on block_groups
    for all
    using (
        exists (
            select
            from workflows as workflow
            where
                workflow.id = block_groups.workflow_id
                and workflow.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    )
    with check (
        exists (
            select
            from workflows as workflow
            where
                workflow.id = block_groups.workflow_id
                and workflow.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    );

alter table step_runs
    enable row level security;

create policy step_runs_tenant_isolation on step_runs
    for all
    using (
        exists (
            select
            from runs as run
            where
                run.id = step_runs.run_id
                and run.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    )
    with check (
        exists (
            select
            from runs as run
            where
                run.id = step_runs.run_id
                and run.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    );

alter table block_group_runs
    enable row level security;

create policy block_group_runs_tenant_isolation on block_group_runs
    for all
    using (
        exists (
            select
            from runs as run
            where
                run.id = block_group_runs.run_id
                and run.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    )
    with check (
        exists (
            select
            from runs as run
            where
                run.id = block_group_runs.run_id
                and run.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
        )
    );

-- A global adapter is every tenant's to read and no tenant's to change.

alter table adapters
    enable row level security;

create policy adapters_tenant_reads on adapters
    for select
    using (tenant_id is null or tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

create policy adapters_tenant_adds on adapters
    for insert
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

create policy adapters_tenant_changes on adapters
    for update
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

create policy adapters_tenant_removes on adapters
    for delete
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
