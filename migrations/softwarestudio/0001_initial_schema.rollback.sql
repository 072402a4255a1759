-- Back to the empty database, last table first: artifacts and executions point at their session.

drop table audit_log;
drop table prompt_versions;
drop table agent_settings;
drop table agent_executions;
drop table artifacts;
drop table checkpoints;
drop table sessions;
