-- Encrypts the input of an execution with pgcrypto, in whatever schema the extension is, so that it decrypts for this
-- execution only: the execution's id is encrypted with it.

create or replace function encrypt_input(
    plain_input text,
    of_execution uuid,
    passphrase text
)
returns text
language plpgsql
as $$
declare
    place text;
    encrypted bytea;
begin
    select extension.extnamespace::regnamespace::text into place
    from pg_catalog.pg_extension as extension
    where extension.extname = 'pgcrypto';
    if place is null then
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = 'this database has no pgcrypto; have its owner run: create extension pgcrypto';
    end if;
    execute pg_catalog.format('select %s.pgp_sym_encrypt($1, $2, ''cipher-algo=aes256'')', place)
    into encrypted
    using of_execution::text || ' ' || plain_input, passphrase;
    return 'pgp.' || pg_catalog.encode(encrypted, 'hex');
end;
$$;
