drop table books;

drop table authors;

drop type genre;
