create table refinery_schema_history (
    version int primary key,
    name varchar(255),
    applied_on varchar(255),
    checksum varchar(255)
);
insert into refinery_schema_history (version, name)
values
    (1, 'orders'),
    (2, 'price'),
    (3, 'first');
