-- across tenants:
-- :many
select 1 as number;
