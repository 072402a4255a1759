-- A tenant that was erased looks like one that was removed; its name and slug do not come back.

alter table tenants
    drop column erased_at;
