-- Logs become visible in the order of commits, which neither their timestamps nor their ids tell, so whoever read on
-- from the last line missed those that an earlier transaction committed later. With the number of its transaction
-- a line is new exactly if that was not visible in the snapshot read before.
-- The default is the same for all rows of a transaction, so the column comes without reading or rewriting any row.

alter table execution_logs
    add column added_in xid8 not null default pg_current_xact_id();
