create table gorp_migrations (
    id text primary key,
    applied_at timestamptz
);
insert into gorp_migrations
values
    ('1-orders.sql', now()),
    ('2-price.sql', now()),
    ('3-first.sql', now());
