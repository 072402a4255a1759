-- :execlastid
select 1;
