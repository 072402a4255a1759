-- :many
select now() - interval :'age';
