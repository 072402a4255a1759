-- Takes a webhook that was processed after all out of the queue; one that is out already is no error.
-- :exec
delete from webhook_dlq as entry
where entry.id = :'id';
