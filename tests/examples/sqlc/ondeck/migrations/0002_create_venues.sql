-- The venues of a city, open or closed.

create type status as enum ('open', 'closed');

create table venues (
    id integer generated always as identity primary key,
    dropped text,
    status status not null,
    statuses status[],
    slug text not null unique,
    name varchar(255) not null,
    city text not null references city (slug),
    playlist varchar not null,
    songkick_id text
);
