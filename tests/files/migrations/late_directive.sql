create table orders (id integer, amount integer);
-- transactional: false
select 1;
