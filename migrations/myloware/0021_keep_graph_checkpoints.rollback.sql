drop table graph_writes;

drop table graph_checkpoints;
