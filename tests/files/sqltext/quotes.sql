-- every way to hide a semicolon in quotes
select 'a;b', 'it''s; so', '\'; select E'a\';b', e'\\'; select E'''\\\';';
select U&'d\0061t;a', U&'d!0061t;a' uescape '!', U&"d\0061;ta"; select N'\', n';'; select B'01;', x'1F';
select "a;b", "a"";b", "\"; select '
;

;' as "x

;";
select 'one'
   'two;' -- joined by the server, two strings to psql

  'three';
select E'a\'' '\'; select be';', nE';', "e"';', 1e'\', 2; select 1.5e'\', 2; select 1e+5e'\', a_u&';';
