-- Says that a checkpoint's parent is what it was when it was put; so no checkpoint becomes its own ancestor.

create or replace function refuse_other_parent()
returns trigger
language plpgsql
as $$
begin
    raise exception 'checkpoint % of thread % comes after %, and cannot be moved to come after %',
        old.checkpoint_id, old.thread_id, coalesce(old.parent_checkpoint_id, 'nothing'), new.parent_checkpoint_id
        using
            errcode = 'check_violation',
            table = tg_table_name,
            constraint = tg_name;
end;
$$;
