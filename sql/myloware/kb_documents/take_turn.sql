-- Waits until nobody else writes what it has loaded, and keeps others waiting until the transaction ends.
-- A statement of its own, before remove_loaded: that one sees what the others have written.
-- :exec
select
from pg_advisory_xact_lock(hashtextextended('dbkit myloware kb_documents', 0));
