-- So many runs, in no order.
-- row: Run
-- :many
select id, tenant_id, workflow_id, status, payload, note, created_at, finished_at
from runs
where seq <= :'number';
