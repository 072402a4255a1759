set standard_conforming_strings = off; select '\'; select 1
, '\';';
select '\';'; select N'\';'; select U&'\'; select B'\'; select b'0''\';'; select 'a''\';b'; select E'\';'; select "\";
select :'a\'; select 'a' 'b\';'; select 'a'
'\';';
SET SESSION standard_conforming_strings TO 'on'; select '\';';
select '\'; select 2;
set standard_conforming_strings to no;
select '\';';
reset standard_conforming_strings; select 5
, '\';
select '\';
begin;
set local standard_conforming_strings = off;
select '\';';
set local standard_conforming_strings = on;
commit;
set standard_conforming_strings = maybe; set other.standard_conforming_strings = off;
select '\';
set standard_conforming_strings = off;
select '\';';
reset all; select '
\';';
select '\';
set standard_conforming_strings = false;
set standard_conforming_strings to default;
select '\';
