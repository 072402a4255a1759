-- Hides a tenant's workflow from every list until it is restored; touches no row if it is hidden already.
-- :exec
update workflows
set deleted_at = now()
where
    id = :'workflow_id'
    and tenant_id = :'tenant_id'
    and deleted_at is null;
