-- Events, the seats that are left, and who has booked one.

create table events (
    id integer generated always as identity primary key,
    title text not null,
    starts_at timestamptz not null,
    seats_left integer not null constraint events_seats_are_not_oversold check (seats_left >= 0)
);

create table bookings (
    id integer generated always as identity primary key,
    event_id integer not null references events (id),
    email text not null,
    constraint bookings_one_for_each_email unique (event_id, email)
);
