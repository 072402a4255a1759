create function one() returns int language sql as 'select 1; select 2';
create or replace function two() returns int begin atomic select 1; select 2; end;
CREATE OR REPLACE PROCEDURE three() BEGIN ATOMIC
    select case when true then (select case when false then 1 end) end;
    insert into nasty values ('end;');

    -- end;
    select "end"; /* end; */ select $$end;$$;
END;
create /* or */ function /* x */ four() returns int begin atomic select begin; end; end;
create function f(a text = 'x') returns int return case a when 'x' then 1 else 2 end;
create function begin() returns int return 1; select 1; end;
create table function (a int); begin; end;
create function f 1begin; end; create function g 0x1f_begin; end;
or replace function five() begin; end;
create or function six() begin; end;
create schema s create function seven() returns int begin atomic select 1; end;
(create function) begin; select 1; end; U& create function begin; select 1; end; 'x' create function begin; end;
select 1\; create function eight() returns int begin atomic select 1; end;
create function nine :begin; create function ten :: end; create function :{?begin} ;
create function end() begin atomic select 1; end; select 2;
create function eleven() begin atomic select ( case ; end ); end; select 3;
