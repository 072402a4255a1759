-- An installation for one customer needs no tenant management: it uses this one.
-- The document fixes the id and leaves name and slug open.

insert into tenants (id, name, slug)
values ('00000000-0000-0000-0000-000000000001', 'Default', 'default')
on conflict (id) do nothing;
