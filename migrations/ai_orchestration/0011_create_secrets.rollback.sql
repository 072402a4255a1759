-- The encrypted values are lost with the table.

drop table secrets;
