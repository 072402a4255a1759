-- When the transaction ends, citations that name no trace have one in their run, and a trace was left its citations.

drop trigger if exists artifacts_sibling_paired on artifacts;

create constraint trigger artifacts_sibling_paired
after insert or delete or update of id, type, run_id, persona, retrieval_trace, metadata on artifacts
deferrable initially deferred
for each row
execute function check_sibling_citations('whole');
