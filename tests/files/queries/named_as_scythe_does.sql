-- @name all_runs
-- @returns :many
select 1;
