-- A trace is looked at when it is recorded, and when what it must agree with is changed.

create or replace trigger artifacts_retrieval_trace
after insert or update of type, run_id, persona, retrieval_trace on artifacts
for each row
when (new.retrieval_trace is not null or new.type = 'retrieval.trace')
execute function check_retrieval_trace();
