create table orders (id integer, amount integer);
select 'abc;
