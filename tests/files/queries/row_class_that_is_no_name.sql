-- :many
-- row: 2nd-run
select 1 as id, 2 as size;
