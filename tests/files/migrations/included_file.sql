create table orders (id integer, amount integer);
\i items.sql
