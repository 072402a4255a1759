drop index idx_checkpoints_graph;

drop table checkpoint_writes;

alter table checkpoints
    drop column checkpoint_ns;
