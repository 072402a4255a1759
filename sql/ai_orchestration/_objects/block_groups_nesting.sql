-- However a group is put into another, the groups of a workflow stay a tree.

create or replace trigger block_groups_nesting
before insert or update of parent_group_id on block_groups
for each row
when (new.parent_group_id is not null)
execute function refuse_group_inside_itself();
