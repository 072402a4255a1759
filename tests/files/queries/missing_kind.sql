-- Something.
select 1;
