create rule r as on insert to nasty do also (select 1; select 2;);
select (1;2)); select 3); select ((4;)
;); select [1;2]; select {;};
select (';)'); select ( /* ) */ ; ); select "(" ;
select 5 (;
