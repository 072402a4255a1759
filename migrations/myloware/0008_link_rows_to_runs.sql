-- The documents call both columns foreign keys to runs, but their DDL forgets them.
-- What a deletion does is not documented: a checkpoint goes with its run, as an artifact does; an approval is the
-- audit log, so a run that has one is not deleted.
-- Not valid binds new rows at once without reading the old ones under a lock; 0010 reads those.

alter table orchestration_checkpoints
    add constraint orchestration_checkpoints_run_id_fkey
    foreign key (run_id) references runs (run_id) on delete cascade not valid;

alter table hitl_approvals
    add constraint hitl_approvals_run_id_fkey
    foreign key (run_id) references runs (run_id) not valid;
