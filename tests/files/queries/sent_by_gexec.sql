-- :many
select 'drop table runs' \gexec
