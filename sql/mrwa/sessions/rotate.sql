-- Gives a new session for the refresh token of another, which is revoked: outcome is rotated, or why there is none.
-- It is unknown, expired, late (revoked within the leeway, so the same client asked twice) or reused (the token was
-- stolen, and all sessions of its family are revoked). Commit whatever the outcome, or a stolen family lives on.
-- The device stays the same, and so do address and agent where none is given.
-- outcome: not null
-- ip_address: nullable
-- user_agent: nullable
-- :one
\if :{?lifetime} \else \set lifetime '30 days' \endif
\if :{?leeway} \else \set leeway '10 seconds' \endif
select
    (rotated.answer).outcome as outcome,
    (rotated.answer).session_id as session_id,
    (rotated.answer).user_id as user_id
from (
    select
        rotate_session(
            :'presented_token', :'refresh_token', :'lifetime', :'leeway', :'ip_address', :'user_agent'
        ) as answer
) as rotated;
