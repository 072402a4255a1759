-- Citations that name no trace are held against the traces of their run as soon as both are there.

create or replace trigger artifacts_sibling_aligned
after insert or update of id, type, run_id, persona, retrieval_trace, metadata on artifacts
for each row
execute function check_sibling_citations();
