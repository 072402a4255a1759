-- Books a seat that was taken before in the same transaction.
-- :one
insert into bookings (event_id, email)
values (:'event_id', :'email')
returning id, event_id, email;
