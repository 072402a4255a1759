-- Rows deleted softly until now are visible again.

alter table secrets
    drop column deleted_at;

alter table adapters
    drop column deleted_at;

alter table webhooks
    drop column deleted_at;

alter table schedules
    drop column deleted_at;

alter table users
    drop column deleted_at;
