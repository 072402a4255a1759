-- @returns :many
select 1;
