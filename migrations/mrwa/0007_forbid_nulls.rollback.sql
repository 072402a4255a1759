-- The filled values stay: which of them were null is not known any more.

alter table artifacts
    drop constraint artifacts_defaults_check;

alter table execution_logs
    drop constraint execution_logs_defaults_check;

alter table executions
    drop constraint executions_defaults_check;

alter table sessions
    drop constraint sessions_defaults_check;

alter table users
    drop constraint users_defaults_check;
