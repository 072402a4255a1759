alter table hitl_approvals
    drop constraint hitl_approvals_run_id_fkey;

alter table orchestration_checkpoints
    drop constraint orchestration_checkpoints_run_id_fkey;
