drop index idx_executions_leased;

alter table agent_executions
    drop column attempts,
    drop column leased_until,
    drop column worker;
