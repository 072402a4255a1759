-- transactional: maybe
create table orders (id integer, amount integer);
