alter table hitl_approvals
    drop constraint hitl_approvals_gate_check;

alter table webhook_events
    drop constraint webhook_events_signature_status_check;
