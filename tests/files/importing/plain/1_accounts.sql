create table accounts (id int primary key, balance numeric not null default 0);
copy accounts (id, balance) from stdin;
1	100
2	50
\.
