-- :many
select double precision :'at';
