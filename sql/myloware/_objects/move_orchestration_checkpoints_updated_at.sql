-- A checkpoint's updated_at moves with every save, and so tells one save from the next.

create or replace trigger move_orchestration_checkpoints_updated_at
before update on orchestration_checkpoints
for each row
execute function move_updated_at();
