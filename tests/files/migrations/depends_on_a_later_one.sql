-- depends: 0002_later
create table orders (id integer, amount integer);
