create table _yoyo_migration (
    migration_hash varchar(64) primary key,
    migration_id varchar(255),
    applied_at_utc timestamp
);
create table _yoyo_log (
    id varchar(36) primary key,
    migration_hash varchar(64),
    migration_id varchar(255),
    operation varchar(10),
    username varchar(255),
    hostname varchar(255),
    comment varchar(255),
    created_at_utc timestamp
);
create table _yoyo_version (
    version int primary key,
    installed_at_utc timestamp
);
insert into _yoyo_version
values
    (2, '2024-01-01');
insert into _yoyo_migration
values
    ('1', 'a.orders', '2024-01-01'),
    ('2', 'b.price', '2024-01-02'),
    ('3', 'c.first', '2024-01-03');
