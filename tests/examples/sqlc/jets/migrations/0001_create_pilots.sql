-- Pilots, their jets and the languages that they speak.

create table pilots (
    id integer primary key,
    name text not null
);

create table jets (
    id integer primary key,
    pilot_id integer not null references pilots (id),
    age integer not null,
    name text not null,
    color text not null
);

create table languages (
    id integer primary key,
    language text not null
);

create table pilot_languages (
    pilot_id integer not null references pilots (id),
    language_id integer not null references languages (id),
    primary key (pilot_id, language_id)
);
