-- When the transaction ends, a trace has its citations and citations have their trace.

drop trigger if exists artifacts_trace_paired on artifacts;

create constraint trigger artifacts_trace_paired
after insert or delete or update of id, type, run_id, retrieval_trace, metadata on artifacts
deferrable initially deferred
for each row
execute function check_citations('whole');
