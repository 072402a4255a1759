-- Ends a tenant's running run with what went wrong; touches no row if it is not running.
-- With attempt it touches none either if another worker has it meanwhile.
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
\if :{?attempt}
    and attempts = :'attempt'
\endif
    and status = 'running';
