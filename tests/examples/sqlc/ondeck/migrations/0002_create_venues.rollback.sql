drop table venues;

drop type status;
