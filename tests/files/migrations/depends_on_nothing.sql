-- depends: 0009_items
create table orders (id integer, amount integer);
