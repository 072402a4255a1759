-- Saves the state of a run over the one before, and gives the time that tells this save from any other.
-- With the time of the save it was read from, none comes back and nothing is saved if another one has come between.
-- :optional
insert into orchestration_checkpoints as checkpoint (run_id, state)
values (:'run_id', :'state')
on conflict (run_id) do update
set state = excluded.state
where
    true
\if :{?read_at}
    and checkpoint.updated_at = :'read_at'
\endif
returning checkpoint.updated_at;
