-- One page of all tenants, removed ones only when asked for: for administrators of the installation.
-- across tenants: it is the list of the tenants themselves
-- :many
-- sort: name, slug, created_at
\if :{?sort} \else \set sort name \endif
\if :{?max_tenants} \else \set max_tenants 20 \endif
\if :{?skipped} \else \set skipped 0 \endif
select
    tenant.id,
    tenant.name,
    tenant.slug,
    tenant.settings,
    tenant.created_at,
    tenant.updated_at,
    tenant.deleted_at,
    tenant.erased_at
from tenants as tenant
\if :{?with_removed}
\else
where tenant.deleted_at is null
\endif
order by :"sort", tenant.id
limit :'max_tenants' offset :'skipped';
