-- A step may stand in a block group and play a part in it, such as the branch it belongs to.
-- The document names both columns in a note and says neither type nor deletion. Deleting a group
-- leaves its steps in the workflow, outside any group: a step is work, a group only encloses it.
-- The parts depend on the group's type and are not listed, so group_role stays open.
-- Both columns start out null, so the foreign key has no row to look up.

alter table steps
    add column block_group_id uuid,
    add column group_role varchar(50),
    add constraint steps_block_group_id_fkey
    foreign key (block_group_id) references block_groups (id) on delete set null;
