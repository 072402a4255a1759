-- Removes all checkpoints of a thread.
-- :exec
delete from checkpoints
where thread_id = :'thread_id';
