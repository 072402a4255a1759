-- made again whenever this file changes
create or replace view first_view as select 1 as one;
create or replace view second_view as select 2 as two;
