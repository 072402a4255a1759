-- Authors with what is known of them as json, and their books.

create type genre as enum ('fiction', 'nonfiction');

create table authors (
    id integer generated always as identity primary key,
    name text not null default '',
    biography jsonb
);

create table books (
    id integer generated always as identity primary key,
    author_id integer not null references authors (id),
    isbn text not null unique,
    genre genre not null default 'fiction',
    title text not null,
    year integer not null,
    available timestamptz not null default now(),
    tags varchar[] not null default '{}'
);
