drop table city;
