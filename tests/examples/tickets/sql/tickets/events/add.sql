-- Announces an event.
-- :one
insert into events (title, starts_at, seats_left)
values (:'title', :'starts_at', :'seats')
returning id;
