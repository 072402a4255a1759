create table orders (id integer, amount integer);
create unique index on orders (id);
insert into orders values (1), (1);
