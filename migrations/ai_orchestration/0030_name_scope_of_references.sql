-- Four references could still leave the tenant: who published a version, a schedule's last run, the group of a pass and
-- the pass of a step run. Row-level security does not look at references, so a tenant that knew another's id stored
-- it, and from then on the other could not delete the row. A composite key needs what both sides share: a version now
-- has its tenant, a pass the workflow of its run. Whoever adds a row need not give it; a trigger looks it up.
-- Both columns start out null, which is a change of the catalog only; 0031 fills the rows that are there.

alter table workflow_versions
    add column tenant_id uuid;

alter table block_group_runs
    add column workflow_id uuid;

create function take_tenant_of_workflow() returns trigger
language plpgsql
as $$
begin
    new.tenant_id = coalesce(new.tenant_id, (
        select workflow.tenant_id
        from workflows as workflow
        where workflow.id = new.workflow_id
    ));
    return new;
end;
$$;

create trigger workflow_versions_tenant
before insert on workflow_versions
for each row
execute function take_tenant_of_workflow();

create function take_workflow_of_run() returns trigger
language plpgsql
as $$
begin
    new.workflow_id = coalesce(new.workflow_id, (
        select run.workflow_id
        from runs as run
        where run.id = new.run_id
    ));
    return new;
end;
$$;

create trigger block_group_runs_workflow
before insert on block_group_runs
for each row
execute function take_workflow_of_run();
