drop function note();
drop table transfers;
