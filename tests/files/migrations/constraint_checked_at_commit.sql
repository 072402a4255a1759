create table orders (id integer unique deferrable initially deferred);
insert into orders values (1), (1);
