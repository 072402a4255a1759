alter table executions
    drop column attempts,
    drop column leased_until,
    drop column worker;
