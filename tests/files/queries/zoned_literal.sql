-- :many
select timestamp with time zone :'at';
