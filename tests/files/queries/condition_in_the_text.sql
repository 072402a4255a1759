-- :many
select :{?x};
