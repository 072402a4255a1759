-- Brings a tenant's removed workflow back; touches no row if it was not removed.
-- :exec
update workflows
set deleted_at = null
where
    id = :'workflow_id'
    and tenant_id = :'tenant_id'
    and deleted_at is not null;
