-- transactional: false
-- The passes inside a pass are looked for in the whole table again.

drop index concurrently idx_block_group_runs_parent;
