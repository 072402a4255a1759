-- :many
select :'ﬁrst';
