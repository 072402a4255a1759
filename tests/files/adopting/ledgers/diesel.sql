create table __diesel_schema_migrations (
    version varchar(50) primary key,
    run_on timestamp not null default now()
);
insert into __diesel_schema_migrations (version)
values
    ('00000000000000'),
    ('20240102080000'),
    ('20240103080000');
