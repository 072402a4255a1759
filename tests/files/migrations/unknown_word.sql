create table orders (id integer, amount integer);

create tabel items (id integer);
