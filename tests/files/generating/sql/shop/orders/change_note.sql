-- Change the note, or take it away.
-- :exec
update orders set note = :'note' where id = :'id';
