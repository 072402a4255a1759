-- The statement itself begins in a part.
-- :one

\if :{?x}
    -- above one

    select :'x' -- below one
\else
    /* above another */

    select 'nothing'
\endif
