-- Takes one seat of an event; 0 if none is left, or if there is no such event.
-- :exec
update events
set seats_left = seats_left - 1
where id = :'id' and seats_left > 0;
