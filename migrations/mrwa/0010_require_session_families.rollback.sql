alter table sessions
    alter column family_id drop not null,
    add constraint sessions_family_id_check check (family_id is not null) not valid;
