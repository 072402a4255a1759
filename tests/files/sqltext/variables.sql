select :number, :'word', :"word", :{?word}, :{?none}, :none, :'none', :"none", :2, a[1:2], a[:number];
select 1::text, 1:::number, ':number', $$:number$$, "x:number", -- :number
    /* :number */ :'a b', :'it''s', :"a b", :{?a b}, :{, :, :=, ::=, :é;
select :number:number, :'word':'word', :number::text, x:number, :e';', :e'\';', :number$$;$$;
select \:number, \:\:, 1\:\:int;
select 1\; select 2;
\;select 3;
