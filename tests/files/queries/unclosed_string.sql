-- :many
select 'it's';
