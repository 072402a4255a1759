-- The cities in which music is played.

create table city (
    slug text primary key,
    name text not null
);
