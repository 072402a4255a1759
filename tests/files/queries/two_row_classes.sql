-- :many
-- row: Run
-- row: Execution
select 1 as id, 2 as size;
