-- What is running has a lease, and what is not has none, whoever writes it.
-- A program that knows no leases gets one of an hour, so that nothing runs for ever.

create or replace function keep_lease()
returns trigger
language plpgsql
as $$
begin
    new.leased_until = case
        when new.status = 'running' then coalesce(new.leased_until, clock_timestamp() + interval '1 hour')
    end;
    return new;
end;
$$;
