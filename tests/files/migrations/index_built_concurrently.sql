create table orders (id integer, amount integer);
create index concurrently on orders (id);
