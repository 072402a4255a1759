-- depends: 1_accounts
create table transfers (source int references accounts, target int references accounts);
