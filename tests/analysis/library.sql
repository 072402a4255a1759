-- A library in which everything that may be NULL or unmatched can be: no foreign key holds a row.
create type mood as enum ('calm', 'wild');
create type address as (street text, number integer);
create domain positive as integer check (value > 0);
create domain required as text not null;

create table author (
    id integer primary key,
    name text not null,
    email text,
    born date,
    mentor_id integer,
    rating numeric not null,
    tags text[],
    profile jsonb,
    home address,
    constraint author_email_key unique (email)
);
create table book (
    id integer primary key,
    author_id integer,
    title varchar(40) not null,
    isbn text,
    price numeric,
    published timestamp,
    pages integer not null,
    state mood,
    meta jsonb not null,
    lent interval
);
create unique index book_isbn_key on book (lower(isbn));
create unique index book_title_key on book (author_id, title) where price is null;
create table review (
    book_id integer not null,
    reviewer text not null,
    stars integer,
    comment text,
    primary key (book_id, reviewer)
);
create table note (
    id integer generated always as identity primary key,
    body text,
    kind text not null default 'plain',
    size positive,
    label required,
    doubled integer generated always as (length(body) * 2) stored
);
create table event (id integer not null, kind text not null, seen text) partition by list (kind);
create table event_open partition of event for values in ('open');
create table event_other partition of event default;

create table plant (id integer primary key, height integer not null, colour text not null);
create table tree (rings integer) inherits (plant);

create table guarded (id integer primary key, body text not null);
create table held (id integer primary key, body text not null);
create function skip() returns trigger language plpgsql as 'begin return null; end';
create trigger guarded_skip before insert on guarded for each row execute function skip();
create table ruled (id integer not null, body text not null);
create rule ruled_answer as on insert to ruled do instead
insert into note (body, label) values (new.body, 'x') returning null::integer, body;
create table answered (id integer primary key, body text);
insert into answered values (1, 'x');
create rule answered_change as on update to answered do instead
update note set body = new.body returning id, body;
create view answer as select id, body from answered;

create view author_book as
select
    author.id as author_id,
    author.name,
    author.email,
    book.id as book_id,
    book.title,
    coalesce(book.pages, 0) as pages
from author
left join book on book.author_id = author.id;
create view young as select id, name, born from author where born is not null;
create materialized view shelf as select id, title, count(*) as copies from book group by id;

create function hollow(integer) returns integer strict immutable language sql
return null::integer;
create function two_columns(out a integer, out b integer) language sql return row(1, null::integer);
create function two_rows(integer) returns bigint immutable language sql return 2;
create function no_row(integer) returns bigint immutable language sql return 0;
create function some_authors() returns setof author language sql begin atomic
    select * from author;
end;
