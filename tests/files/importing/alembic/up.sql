BEGIN;

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 1975ea83b712

CREATE TABLE account (
    id SERIAL NOT NULL, 
    name VARCHAR(50) NOT NULL, 
    PRIMARY KEY (id)
);

create function f() returns int language plpgsql as $$ begin
 return 1; end $$;

INSERT INTO alembic_version (version_num) VALUES ('1975ea83b712') RETURNING alembic_version.version_num;

-- Running upgrade 1975ea83b712 -> ae1027a6acf

ALTER TABLE account ADD COLUMN last TIMESTAMP WITHOUT TIME ZONE;

COMMIT;

CREATE INDEX CONCURRENTLY account_name ON account (name);

BEGIN;

ALTER TABLE account ADD COLUMN x TIMESTAMP WITHOUT TIME ZONE;

UPDATE alembic_version SET version_num='ae1027a6acf' WHERE alembic_version.version_num = '1975ea83b712';

-- Running upgrade ae1027a6acf -> ba111

insert into account (name) values ('a');

UPDATE alembic_version SET version_num='ba111' WHERE alembic_version.version_num = 'ae1027a6acf';

-- Running upgrade ba111 -> bb111

insert into account (name) values ('
-- Running upgrade is only -> text');

UPDATE alembic_version SET version_num='bb111' WHERE alembic_version.version_num = 'ba111';

COMMIT;

