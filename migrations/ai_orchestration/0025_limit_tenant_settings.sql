-- Retention deletes by tenants.settings, and a number written as text or with a fraction would be found out then.
-- What the document names has the kind that it shows; other settings stay open. Tenants are few: one short lock.

alter table tenants
    add constraint tenants_settings_check
    check (
        jsonb_typeof(settings) = 'object'
        and coalesce(
            settings -> 'data_retention_days'
            @@ '$.type() == "number" && $ >= 1 && $ <= 36500 && $ == $.floor()',
            true
        )
        and coalesce(
            settings -> 'max_concurrent_runs'
            @@ '$.type() == "number" && $ >= 1 && $ <= 1000000 && $ == $.floor()',
            true
        )
    );
