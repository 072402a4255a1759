\copy nasty from stdin
one; 'two
-- comment
\.
select 1;
\copy public."nasty" (line) FROM STDIN with (format text);
three

\.
copy nasty from stdin; \copy nasty from stdout
four
\.
five
\.
\copy nasty to stdout
\copy nasty from pstdin
\copy nasty from stdin_
\copy nasty from 'stdin'
\copy nasty from program 'true'
\copy (select 'x from stdin' from nasty) to stdout
\copy nasty . from stdin
\copy nasty
\copy from stdin
\copy binary from stdin
\copynasty from stdin
select 2;
   \copy   nasty	from	stdin   
six
\.
select 3; \copy nasty from stdin
seven
\.
\copy nasty from stdin
to the end; of the file
