create table alembic_version (
    version_num varchar(32) primary key
);
insert into alembic_version
values
    ('3c');
