-- One run, by its key.
-- row: Run
-- :optional
select id, tenant_id, workflow_id, status, payload, note, created_at, finished_at
from runs
where id = :'id';
