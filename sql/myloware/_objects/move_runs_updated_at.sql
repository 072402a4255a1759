-- A run's updated_at moves with every update of it.

create or replace trigger move_runs_updated_at
before update on runs
for each row
execute function move_updated_at();
