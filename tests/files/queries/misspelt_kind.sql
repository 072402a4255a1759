-- :mnay
select 1;
