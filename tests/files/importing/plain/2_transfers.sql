-- depends: 1_accounts
create table transfers (source int references accounts, target int references accounts);

create function note() returns text language sql as $$
-- depends: on nothing, this is no header
select 'none'
$$;
