-- Every session has a family since 0009; now its type says so.
-- Validating reads every row while reads and writes go on; set not null then finds the column proved by its check.

alter table sessions
    validate constraint sessions_family_id_check;

alter table sessions
    alter column family_id set not null;

alter table sessions
    drop constraint sessions_family_id_check;
