BEGIN;

-- Running downgrade bb111 -> ba111

UPDATE alembic_version SET version_num='ba111' WHERE alembic_version.version_num = 'bb111';

-- Running downgrade ba111 -> ae1027a6acf

delete from account;

UPDATE alembic_version SET version_num='ae1027a6acf' WHERE alembic_version.version_num = 'ba111';

-- Running downgrade ae1027a6acf -> 1975ea83b712

ALTER TABLE account DROP COLUMN x;

DROP INDEX account_name;

ALTER TABLE account DROP COLUMN last;

UPDATE alembic_version SET version_num='1975ea83b712' WHERE alembic_version.version_num = 'ae1027a6acf';

-- Running downgrade 1975ea83b712 -> 

drop function f();

DROP TABLE account;

DELETE FROM alembic_version WHERE alembic_version.version_num = '1975ea83b712';

COMMIT;

