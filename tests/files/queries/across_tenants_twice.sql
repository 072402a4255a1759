-- across tenants: one key is for all
-- :many
-- across tenants: and so is the other
select 1 as number;
