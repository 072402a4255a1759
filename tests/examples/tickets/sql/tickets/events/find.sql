-- One event.
-- row: Event
-- :optional
select
    events.id,
    events.title,
    events.starts_at,
    events.seats_left
from events
where events.id = :'id';
