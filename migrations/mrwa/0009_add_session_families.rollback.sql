alter table sessions
    drop column family_id,
    drop column revoked_at;
