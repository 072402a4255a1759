-- PostgreSQL has no way back to not valid but to make the constraint again.

alter table hitl_approvals
    drop constraint hitl_approvals_gate_check,
    add constraint hitl_approvals_gate_check
    check (gate in ('workflow', 'ideate', 'prepublish')) not valid;

alter table webhook_events
    drop constraint webhook_events_signature_status_check,
    add constraint webhook_events_signature_status_check
    check (signature_status in ('valid', 'invalid', 'missing')) not valid;

alter table hitl_approvals
    drop constraint hitl_approvals_run_id_fkey,
    add constraint hitl_approvals_run_id_fkey
    foreign key (run_id) references runs (run_id) not valid;

alter table orchestration_checkpoints
    drop constraint orchestration_checkpoints_run_id_fkey,
    add constraint orchestration_checkpoints_run_id_fkey
    foreign key (run_id) references runs (run_id) on delete cascade not valid;
