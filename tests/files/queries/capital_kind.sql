-- :Many
select 1;
