-- Decrypts what pgcrypto encrypted for one execution. The passphrase goes to the server, as with all of pgcrypto.
-- plain_input: not null
-- :one
select decrypt_input(:'encrypted_input', :'execution_id', :'passphrase') as plain_input;
