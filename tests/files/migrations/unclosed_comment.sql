create table orders (id integer, amount integer);
/* why
