alter table person drop constraint person_pkey;
