create table authors (id int);
