-- A run whose worker died stayed `running` for ever, and nobody could tell it from one that is being worked on.
-- A lease says who works on a run, and until when; a heartbeat renews it, and what ran out is claimed again.
-- A table of its own: a heartbeat every few seconds does not write the run, and `runs` stays as documented.

create table run_leases (
    run_id text,
    -- tells this claim from any other, also from another one of the same worker
    lease_id uuid not null,
    worker text not null,
    attempt integer not null,
    claimed_at timestamptz not null default now(),
    leased_until timestamptz not null,
    last_error text,
    constraint run_leases_pkey primary key (run_id),
    constraint run_leases_run_id_fkey foreign key (run_id) references runs (run_id) on delete cascade
);

-- serves the claim of running runs; few runs are running, and of those most are leased
create index idx_runs_running on runs (updated_at, run_id) where status = 'running';
