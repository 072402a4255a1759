-- Records what a persona or a provider has made for a run.
-- One with the checksum of an artifact of this type and run is that artifact, and gives its id: a step may be retried.
-- It is set to what it has, because an insert that does nothing returns nothing.
-- :one
insert into artifacts (
\if :{?url}
    url,
\endif
\if :{?persona}
    persona,
\endif
\if :{?checksum}
    checksum,
\endif
\if :{?metadata}
    metadata,
\endif
    run_id,
    type,
    provider
)
values (
\if :{?url}
    :'url',
\endif
\if :{?persona}
    :'persona',
\endif
\if :{?checksum}
    :'checksum',
\endif
\if :{?metadata}
    :'metadata',
\endif
    :'run_id',
    :'type',
    :'provider'
)
on conflict (run_id, type, checksum) where checksum is not null
do update set checksum = excluded.checksum
returning id;
