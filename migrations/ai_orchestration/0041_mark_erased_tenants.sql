-- A removed tenant stayed for ever, and so did its slug, which nobody else could have. Retention now erases the tenant
-- when nothing of it is left: its row stays, because its audit log refers to it, without name, slug and settings.
-- The column comes without reading a row.

alter table tenants
    add column erased_at timestamptz;
