-- one
select 1,

  'a

;' -- two;
;

select 2 /* ;
 */;
\echo 'three;'
select3;--fourselect 5;
select E'a''b\';';
