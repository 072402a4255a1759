-- Whether pgcrypto was created in this database.
-- :one
select exists(
    select from pg_extension as extension
    where extension.extname = 'pgcrypto'
) as has_pgcrypto;
