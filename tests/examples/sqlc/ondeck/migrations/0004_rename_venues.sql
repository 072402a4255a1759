-- Tables are named in the singular.

alter table venues rename to venue;

alter table venue add column created_at timestamp not null default now();
