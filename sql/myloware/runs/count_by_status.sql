-- How many runs are in each status; a status that no run is in does not appear.
-- :many
select
    run.status,
    count(*) as count
from runs as run
group by run.status
order by run.status;
