-- Deletes a tenant's workflow with its steps, edges and groups, removed before or not: for administrators.
-- One that was published, ran or has a schedule or a webhook is refused by the foreign keys of those.
-- :exec
delete from workflows
where
    id = :'workflow_id'
    and tenant_id = :'tenant_id';
