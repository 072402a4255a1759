copy nasty from stdin;
one; 'two
\.x
 \.
\\.
-- comment

\.
select 1;
COPY public."nasty" (line) FROM STDOUT WITH (format csv);
"a
b"
\.
/* c */ copy nasty from /* stdin */ stdin; select 2; -- the rest of the line
three
\.
copy nasty from stdin; select 3; copy nasty from stdin; ; select 4;
four
\.
five;
\.
copy nasty from stdin \g
six
\.
copy (select 'from stdin' from nasty) to stdout;
copy nasty to stdout; copy "from" from stdin_; copy nasty from 'stdin';
(copy nasty from stdin); explain copy nasty from stdin; "x" copy nasty from stdin; copy(nasty)from;
copy nasty
    (line)
from
    stdin
    delimiter ';'
;
seven
\.
copy nasty from stdin;
crlf
\.
copy nasty from stdin;
to the end; of the file
