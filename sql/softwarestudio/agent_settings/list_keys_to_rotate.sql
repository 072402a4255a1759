-- Encrypted keys whose text does not begin with a prefix, as those of another key or of another program; by id.
-- They are locked, so that none is replaced before it is encrypted again; one that is being changed is passed by.
-- api_key_encrypted: not null
-- :many
\if :{?after} \else \set after 0 \endif
\if :{?max_keys} \else \set max_keys 100 \endif
select
    settings.id,
    settings.profile_name,
    settings.api_key_encrypted
from agent_settings as settings
where
    settings.api_key_encrypted is not null
    and not starts_with(settings.api_key_encrypted, :'prefix')
    and settings.id > :'after'
order by settings.id
limit :'max_keys'
for no key update skip locked;
