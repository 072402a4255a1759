-- name: all_runs :mny
select 1;
