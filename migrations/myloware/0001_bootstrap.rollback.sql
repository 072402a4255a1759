drop table orchestration_checkpoints;
drop table webhook_events;
drop table artifacts;
drop table runs;
