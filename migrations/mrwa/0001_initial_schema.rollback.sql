drop table artifacts;
drop table execution_logs;
drop table executions;
drop table sessions;
drop table users;
