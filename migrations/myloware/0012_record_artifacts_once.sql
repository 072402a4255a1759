-- A step that is tried again left its artifact twice: the checksum is there for idempotency, and nothing looked at it.
-- A run that has the same artifact twice already ends this with an error that names it, and nothing is deleted for it.

create unique index uq_artifacts_checksum on artifacts (run_id, type, checksum)
where checksum is not null;
