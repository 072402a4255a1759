-- Published snapshots keep the groups they had.

drop table block_groups;
