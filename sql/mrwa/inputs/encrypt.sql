-- Encrypts an input with pgcrypto, for one execution. The passphrase goes to the server, as with all of pgcrypto.
-- encrypted_input: not null
-- :one
select encrypt_input(:'plain_input', :'execution_id', :'passphrase') as encrypted_input;
