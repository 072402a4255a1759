-- What 0008 and 0009 ask of new rows is now known of the old ones too.
-- A migration of its own: in theirs the locks that add a constraint would be held while every row is read,
-- here reads and writes go on. A row that breaks a rule ends it with an error, and nothing is deleted for it.

alter table orchestration_checkpoints
    validate constraint orchestration_checkpoints_run_id_fkey;

alter table hitl_approvals
    validate constraint hitl_approvals_run_id_fkey;

alter table webhook_events
    validate constraint webhook_events_signature_status_check;

alter table hitl_approvals
    validate constraint hitl_approvals_gate_check;
