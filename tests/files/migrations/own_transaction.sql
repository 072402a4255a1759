begin;
create table orders (id integer, amount integer);
commit;
