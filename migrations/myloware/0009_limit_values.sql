-- A misspelt signature status or gate was stored without a word; the documents name all the values of both.
-- Status of a run, type of an artifact and every provider stay open: their documented lists end in "etc.".
-- Not valid binds new rows at once without reading the old ones under a lock; 0010 reads those.

alter table webhook_events
    add constraint webhook_events_signature_status_check
    check (signature_status in ('valid', 'invalid', 'missing')) not valid;

alter table hitl_approvals
    add constraint hitl_approvals_gate_check
    check (gate in ('workflow', 'ideate', 'prepublish')) not valid;
