-- A refresh token that is used twice was stolen from somebody; which sessions came of it was not known.
-- A family is all the sessions that came from one login by rotation; of those made until now each is one by itself.
-- When a session was revoked tells a stolen token from a client that asked twice, and how long to keep the session.
-- The default is set after the column, which would else be computed for every row while nobody can read the table.

alter table sessions
    add column family_id uuid,
    add column revoked_at timestamp;

alter table sessions
    alter column family_id set default gen_random_uuid();

update sessions
set family_id = id
where family_id is null;

alter table sessions
    add constraint sessions_family_id_check check (family_id is not null) not valid;

-- serves the revoking of a family; retention keeps the table small enough to build it in place
create index idx_sessions_family_id on sessions (family_id);
