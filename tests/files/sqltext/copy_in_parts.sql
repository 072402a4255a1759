copy nasty from stdin \; copy nasty from stdin;
one; 'two
\.
three
\.
select 1 \; copy nasty (line) from stdin \; select 2; select 3;
four
\.
copy nasty from stdin \; select 4; copy nasty from stdin \; copy nasty from stdin; select 5;
five
\.
six;
\.
seven
\.
select 6 \; (copy nasty from stdin); copy nasty to stdout \; select 7;
set standard_conforming_strings = off \; copy nasty from stdin;
eight
\.
select '\'; copy nasty from stdin;';
select 7 \; set standard_conforming_strings = on;
copy nasty from stdin \; copy nasty from stdin;
nine
\.
to the end; of the file
