-- A person opens a run's gate; who did it, from where and when must stay readable afterwards.

create table hitl_approvals (
    id serial,
    run_id text not null,
    gate text not null,
    approver_ip text,
    approver text,
    metadata json,
    created_at timestamptz not null default now(),
    constraint hitl_approvals_pkey primary key (id)
);

-- serves the approvals of one run
create index idx_hitl_approvals_run_id on hitl_approvals (run_id);
