-- A run whose worker died stayed running for ever and counted against its tenant's max_concurrent_runs.
-- Whoever works on a run, a step run or a schedule now has a lease: who it is, until when, and which attempt it is (a
-- step run has counted its attempts before). The worker renews the lease; when it has run out, another may take over.
-- The columns come without reading a row. What is running gets an hour from now, for no worker has a lease yet; the
-- rows that are filled are few.

alter table runs
    add column worker varchar(255),
    add column leased_until timestamptz,
    add column attempts integer not null default 0;

alter table step_runs
    add column worker varchar(255),
    add column leased_until timestamptz;

alter table schedules
    add column worker varchar(255),
    add column leased_until timestamptz,
    add column attempts integer not null default 0;

update runs
set
    leased_until = now() + interval '1 hour',
    attempts = 1
where status = 'running';

update step_runs
set leased_until = now() + interval '1 hour'
where status = 'running';
