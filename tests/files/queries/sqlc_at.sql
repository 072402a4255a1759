-- :many
select 1 where id = @run_id;
