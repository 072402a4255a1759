-- Which pass a group or a step ran in is forgotten.

alter table step_runs
    drop column block_group_run_id;

alter table block_group_runs
    drop column parent_run_id;
