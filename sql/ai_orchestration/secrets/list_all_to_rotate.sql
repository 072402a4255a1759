-- A batch of any tenant's secrets that another key than the current one encrypted, removed ones too.
-- Run it until it gives none, after the last id each time: what cannot be read stays. The prefix is how
-- every text of the current key begins.
-- across tenants: a key is the installation's and is retired for all tenants at once
-- row: EncryptedSecret
-- :many
\if :{?after} \else \set after 00000000-0000-0000-0000-000000000000 \endif
\if :{?max_secrets} \else \set max_secrets 100 \endif
select
    secret.id,
    secret.tenant_id,
    secret.name,
    secret.encrypted_value
from secrets as secret
where
    not starts_with(secret.encrypted_value, :'prefix')
    and secret.id > :'after'
order by secret.id
limit :'max_secrets';
