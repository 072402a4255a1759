-- :opt
select 1;
