-- Decrypts what encrypt_input encrypted for this execution. With another key, for another execution, or where the text
-- was changed, it is pgcrypto's error.

create or replace function decrypt_input(
    encrypted_input text,
    of_execution uuid,
    passphrase text
)
returns text
language plpgsql
stable
as $$
declare
    place text;
    decrypted text;
begin
    select extension.extnamespace::regnamespace::text into place
    from pg_catalog.pg_extension as extension
    where extension.extname = 'pgcrypto';
    if place is null then
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = 'this database has no pgcrypto; have its owner run: create extension pgcrypto';
    end if;
    execute pg_catalog.format('select %s.pgp_sym_decrypt($1, $2)', place)
    into decrypted
    using pg_catalog.decode(pg_catalog.substr(encrypted_input, 5), 'hex'), passphrase;
    if not pg_catalog.starts_with(decrypted, of_execution::text || ' ') then
        raise exception using
            errcode = 'external_routine_invocation_exception',
            message = 'the input was encrypted for another execution';
    end if;
    return pg_catalog.substr(decrypted, 38);
end;
$$;
