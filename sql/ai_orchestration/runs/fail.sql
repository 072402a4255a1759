-- Ends a tenant's running run with what went wrong; touches no row if it is not running.
-- :exec
-- error: not null
update runs
set
    status = 'failed',
    error = :'error',
    completed_at = clock_timestamp()
where
    id = :'run_id'
    and tenant_id = :'tenant_id'
    and status = 'running';
