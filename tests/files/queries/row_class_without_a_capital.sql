-- Runs of one project.
-- :many
-- row: run
select 1 as id, 2 as size;
