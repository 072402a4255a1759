\set x 'a;''b\';'
select 1 \g
select 2 \gx |cat \\ select 0;
select 3 \g (format=unaligned) |cat \\ select 0;
\echo one \echo two 'it''s' "a\" `echo ;'`
\echo three \\ select 4; \echo four \\select 5;
select 6
\echo in the middle

, 7
   \echo after spaces
;
\! true ; 'not closed
\echo 'not closed ; \echo
\echo "not closed ; \echo
\\ select 8;
\#no command \; select 9;
select 10, (\echo inside
11;) ;
discarded ( ' ' \r
select 12;
\unset x \\ select 13 \echo end
