-- A run that had failed was over for ever, also when only its provider had been away. A person may put it back to work:
-- here is who did, when and why, and what the run had failed with. The trigger of runs lets a failed run go on by such
-- a row of the same transaction alone, so no worker does it by mistake.

create table run_resumptions (
    run_id text,
    number integer,
    resumed_by text not null,
    resumed_at timestamptz not null default now(),
    reason text,
    result jsonb,
    constraint run_resumptions_pkey primary key (run_id, number),
    constraint run_resumptions_run_id_fkey foreign key (run_id) references runs (run_id) on delete cascade
);
