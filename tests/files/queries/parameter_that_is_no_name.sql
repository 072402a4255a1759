-- :many
select :'2nd';
