-- Gives a session for the refresh token of another, which is revoked; a token that was used before is not taken again.
-- The outcome is rotated, or why not: unknown, expired, late, reused. A token that was revoked before the leeway has
-- been stolen from one of the two who had it, so its whole family is revoked; within it the same client asked twice.
-- The user's row is locked first: a session that is being made at this moment is there when the family is revoked.

create or replace function rotate_session(
    presented text,
    fresh text,
    lifetime interval,
    leeway interval,
    ip inet,
    agent text,
    out outcome text,
    out session_id uuid,
    out user_id uuid
)
language plpgsql
as $$
declare
    old sessions%rowtype;
begin
    perform from users as owner
    where owner.id = (select session.user_id from sessions as session where session.refresh_token = presented)
    for no key update;

    select session.* into old
    from sessions as session
    where session.refresh_token = presented
    for update;

    user_id := old.user_id;
    if not found then
        outcome := 'unknown';
    elsif old.revoked and old.revoked_at > now() - leeway then
        outcome := 'late';
    elsif old.revoked then
        outcome := 'reused';
        update sessions as session
        set revoked = true, revoked_at = now()
        where session.family_id = old.family_id and not session.revoked;
    elsif old.expires_at <= now() then
        outcome := 'expired';
    else
        outcome := 'rotated';
        update sessions as session
        set revoked = true, revoked_at = now(), last_used_at = now()
        where session.id = old.id;

        insert into sessions (user_id, family_id, refresh_token, device_info, ip_address, user_agent, expires_at)
        values (
            old.user_id, old.family_id, fresh, old.device_info,
            coalesce(ip, old.ip_address), coalesce(agent, old.user_agent), now() + lifetime
        )
        returning id into session_id;
    end if;
end;
$$;
