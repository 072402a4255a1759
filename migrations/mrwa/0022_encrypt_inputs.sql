-- What a user hands in stood in the database, and in each backup of it, as plain text. input_key has the id of the key
-- that input_value is encrypted with; null is plain text. The column comes without reading a row.

alter table executions
    add column input_key varchar(64);
