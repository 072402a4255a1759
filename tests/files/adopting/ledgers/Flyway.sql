create table flyway_schema_history (
    installed_rank int primary key,
    version varchar(50),
    description varchar(200),
    type varchar(20),
    script varchar(1000),
    checksum int,
    installed_by varchar(100),
    installed_on timestamp default now(),
    execution_time int,
    success boolean not null
);
insert into flyway_schema_history (installed_rank, version, type, success)
values
    (1, '1.1', 'BASELINE', true),
    (2, '2.0', 'SQL', true),
    (3, null, 'SQL', true),
    (4, '10', 'SQL', true),
    (5, '10', 'UNDO_SQL', true);
