create table orders (id integer, amount integer);
select orders.amuont from orders;
