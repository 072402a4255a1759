-- The runs themselves remain.

drop table block_group_runs;
