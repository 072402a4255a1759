create or replace view adult_people as select id, name from person where age >= 18;
