select 1;

  select 2

, 3 -- end
  

