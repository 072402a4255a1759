-- Lines end as on Windows.
-- :many
select 1

\if :{?x}
  , :'x'

\else
, 2
\endif
, 3;
