-- name: list_in :many
-- row: Venue
select id, status, statuses, slug, name, city, playlist, songkick_id, created_at, tags
from venue
where city = :'city'
order by name, id;

-- name: find :optional
-- row: Venue
select id, status, statuses, slug, name, city, playlist, songkick_id, created_at, tags
from venue
where slug = :'slug' and city = :'city';

-- name: add :one
insert into venue (slug, name, city, playlist, status, statuses, tags)
values (:'slug', :'name', :'city', :'playlist', :'status', :'statuses', :'tags')
returning id;

-- name: rename :optional
update venue set name = :'name' where slug = :'slug' returning id;

-- name: remove :exec
delete from venue where slug = :'slug' and slug <> '';

-- name: count_by_city :many
select city, count(*) as venues from venue group by city order by city;
