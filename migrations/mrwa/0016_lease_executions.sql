-- An execution whose worker died stayed running for ever. A worker now has a lease: who works on the execution, until
-- when, and which attempt it is. The worker renews the lease while it works; when it has run out, another one may claim
-- the execution. The end of a lease has a time zone, so that workers in any zone agree about it.
-- The columns come without reading a row. What is at work gets an hour from now, for no worker has a lease yet; the
-- rows that are filled are few.

alter table executions
    add column worker varchar(255),
    add column leased_until timestamptz,
    add column attempts integer not null default 0;

update executions
set
    leased_until = now() + interval '1 hour',
    attempts = 1
where status in ('running', 'validating', 'correcting');
