-- Of a group inside a loop, and of a step in one, nobody could tell which pass of the loop it ran in.
-- A group's pass may name the pass around it, and a step run the pass it belongs to. Removing a group takes its
-- passes along, as the document says; a step run names its pass as it names its step, without a foreign key, and
-- outlives both.
-- Both columns start out null: the foreign key has no row to look up, and nothing is read under the lock.

alter table block_group_runs
    add column parent_run_id uuid,
    add constraint block_group_runs_parent_run_id_fkey
    foreign key (parent_run_id) references block_group_runs (id) on delete cascade;

alter table step_runs
    add column block_group_run_id uuid;
