-- Citations are held against their trace as soon as both are there, in whichever order they come.
-- Triggers fire in the order of their names, so the trace itself has been looked at by artifacts_retrieval_trace.

create or replace trigger artifacts_trace_aligned
after insert or update of id, type, run_id, retrieval_trace, metadata on artifacts
for each row
execute function check_citations();
