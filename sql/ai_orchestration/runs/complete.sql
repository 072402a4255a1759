-- Ends a tenant's running run with what came out; touches no row if it is not running.
-- :exec
update runs
set
    status = 'completed',
    output = :'output',
    completed_at = clock_timestamp()
where
    id = :'run_id'
    and tenant_id = :'tenant_id'
    and status = 'running';
