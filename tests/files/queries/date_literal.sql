-- :many
select date
    :'day';
