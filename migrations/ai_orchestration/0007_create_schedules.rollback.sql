-- Runs that schedules started remain.

drop table schedules;
