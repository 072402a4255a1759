-- Nobody knows who works on what any more.

alter table schedules
    drop column attempts,
    drop column leased_until,
    drop column worker;

alter table step_runs
    drop column leased_until,
    drop column worker;

alter table runs
    drop column attempts,
    drop column leased_until,
    drop column worker;
