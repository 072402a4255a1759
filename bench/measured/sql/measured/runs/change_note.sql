-- Change the note of a run.
-- :exec
update runs set note = :'note' where id = :'id';
