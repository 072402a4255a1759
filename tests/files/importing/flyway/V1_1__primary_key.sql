alter table person add primary key (id);
