-- Revokes the sessions of a user and gives their number: all, or those of the device that one of them is of.
-- The user's row is locked first, so that a session which is being made at this moment is revoked too.

create or replace function revoke_sessions(
    of_user uuid,
    of_session uuid
)
returns bigint
language plpgsql
as $$
declare
    number bigint;
begin
    perform from users as owner
    where owner.id = of_user
    for no key update;

    update sessions as session
    set revoked = true, revoked_at = now()
    where
        session.user_id = of_user
        and not session.revoked
        and (
            of_session is null
            or session.family_id = (
                select one.family_id
                from sessions as one
                where one.id = of_session and one.user_id = of_user
            )
        );

    get diagnostics number = row_count;
    return number;
end;
$$;
