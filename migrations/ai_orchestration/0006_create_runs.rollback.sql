-- Step runs first: they point at their run.

drop table step_runs;
drop table runs;
