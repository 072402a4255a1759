-- Settings may be anything again.

alter table tenants
    drop constraint tenants_settings_check;
