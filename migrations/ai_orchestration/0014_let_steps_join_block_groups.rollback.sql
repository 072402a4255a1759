-- The foreign key goes with its column.

alter table steps
    drop column group_role,
    drop column block_group_id;
