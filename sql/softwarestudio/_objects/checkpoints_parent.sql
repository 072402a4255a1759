-- A checkpoint keeps its parent. It may only lose it: when the parent is cleared, it becomes a root.

create or replace trigger checkpoints_parent
before update on checkpoints
for each row
when (new.parent_checkpoint_id is not null and new.parent_checkpoint_id is distinct from old.parent_checkpoint_id)
execute function refuse_other_parent();
