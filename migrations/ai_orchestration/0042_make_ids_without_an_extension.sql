-- A database that the document's own statements made takes its ids from uuid_generate_v4(), of an extension that
-- nothing else here needs. Where these migrations made the tables, it is so already and nothing changes.
-- A default is a change of the catalog only, done in an instant.

alter table tenants
    alter column id set default gen_random_uuid();

alter table workflows
    alter column id set default gen_random_uuid();

alter table workflow_versions
    alter column id set default gen_random_uuid();

alter table steps
    alter column id set default gen_random_uuid();

alter table edges
    alter column id set default gen_random_uuid();

alter table block_groups
    alter column id set default gen_random_uuid();

alter table block_group_runs
    alter column id set default gen_random_uuid();

alter table runs
    alter column id set default gen_random_uuid();

alter table step_runs
    alter column id set default gen_random_uuid();

alter table schedules
    alter column id set default gen_random_uuid();

alter table webhooks
    alter column id set default gen_random_uuid();

alter table secrets
    alter column id set default gen_random_uuid();

alter table audit_logs
    alter column id set default gen_random_uuid();
