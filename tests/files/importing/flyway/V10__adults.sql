alter table person add column age int;
