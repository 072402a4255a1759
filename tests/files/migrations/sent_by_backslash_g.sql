create table orders (id integer) \g
