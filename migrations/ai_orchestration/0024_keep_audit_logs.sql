-- Whoever could write the audit log could also mend it afterwards; now a row that was written stays as it was.
-- Who acts, and from where, is the same for all that one transaction does: a row that does not say takes it from the
-- settings app.actor_id, app.ip_address and app.user_agent, so that no statement has to carry them along. Its time, by
-- default the transaction's, becomes that of the moment, so that what one transaction does keeps its order.

create function refuse_audit_log_change() returns trigger
language plpgsql
as $$
begin
    raise insufficient_privilege using
        message = format('audit_logs is append-only; %s is refused', lower(tg_op));
end;
$$;

create trigger audit_logs_keep_rows
before update or delete on audit_logs
for each row
execute function refuse_audit_log_change();

create trigger audit_logs_keep_table
before truncate on audit_logs
for each statement
execute function refuse_audit_log_change();

create function complete_audit_log() returns trigger
language plpgsql
as $$
begin
    new.actor_id = coalesce(new.actor_id, nullif(current_setting('app.actor_id', true), '')::uuid);
    new.ip_address = coalesce(new.ip_address, nullif(current_setting('app.ip_address', true), '')::inet);
    new.user_agent = coalesce(new.user_agent, nullif(current_setting('app.user_agent', true), ''));
    if new.actor_email is null then
        new.actor_email = (
            select actor.email
            from users as actor
            where
                actor.id = new.actor_id
                and actor.tenant_id = new.tenant_id
        );
    end if;
    if new.created_at = now() then
        new.created_at = clock_timestamp();
    end if;
    return new;
end;
$$;

create trigger audit_logs_complete
before insert on audit_logs
for each row
execute function complete_audit_log();
