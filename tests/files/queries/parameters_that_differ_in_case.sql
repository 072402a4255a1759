-- :many
select :'user_id', :'User_id';
