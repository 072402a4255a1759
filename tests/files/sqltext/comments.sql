-- leading; 'comment

/* leading block; kept */ select 1; -- trailing; comment
select 1 -- inside; the statement
-- a whole line;

, 2;
select /* nested /* ; */ ' " $$ ; */ 1; select 1 /*/ ; */ ; select /**/ 2 /***/ ; select /* **/ 3;
select 1 +-- operator cut; here
2; select 1 */* ; */ 2; select @- 1, 3 <--4;
5; select 1 - - 1; select 1e--;
;
-- ends at a carriage return;select 4;
;;/* only a comment */;
   ;
/* the end /* is */ a comment */
-- and this
