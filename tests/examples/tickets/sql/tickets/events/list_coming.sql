-- The events that have not begun, the next one first.
-- row: Event
-- :many
\if :{?max_events} \else \set max_events 50 \endif
select
    events.id,
    events.title,
    events.starts_at,
    events.seats_left
from events
where events.starts_at > now()
order by events.starts_at, events.id
limit :'max_events';
