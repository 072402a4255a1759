-- A database of ours had these defaults before; one that was taken over keeps them, whose values are the same.

select 1;
