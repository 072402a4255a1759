select
    -- :one
    1;
