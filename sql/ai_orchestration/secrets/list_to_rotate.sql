-- A batch of a tenant's secrets that another key than the current one encrypted, removed ones too: they may come back.
-- Run it until it gives none, after the last id each time: what cannot be read stays. The prefix is how
-- every text of the current key begins.
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
    secret.tenant_id = :'tenant_id'
    and not starts_with(secret.encrypted_value, :'prefix')
    and secret.id > :'after'
order by secret.id
limit :'max_secrets';
