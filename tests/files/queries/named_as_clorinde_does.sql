--! all_runs : (name?)
select 1;
