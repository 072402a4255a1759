-- A failed webhook's updated_at moves with every update of it.

create or replace trigger move_webhook_dlq_updated_at
before update on webhook_dlq
for each row
execute function move_updated_at();
