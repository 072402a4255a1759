-- Refuses a step of a run that run_statuses does not list: nothing follows on published, and nobody writes `runing`.
-- On a status that is not listed anything may follow. A failed run goes on by a resumption of its transaction alone.

create or replace function check_run_step()
returns trigger
language plpgsql
as $$
declare
    next_statuses constant text[] := (
        select known.next_statuses
        from run_statuses as known
        where known.status = old.status
    );
begin
    if old.status = 'failed' and new.status = 'running' then
        if exists (
            select
            from run_resumptions as resumption
            where
                resumption.run_id = new.run_id
                and resumption.resumed_at = now()
        ) then
            return new;
        end if;
    end if;
    if new.status <> all (next_statuses) then
        raise check_violation using
            message = format('run %s is %s and cannot become %s', old.run_id, old.status, new.status),
            hint = case
                when next_statuses = '{}' then format('A run that is %s is over.', old.status)
                else format('What may follow is in run_statuses: %s.', array_to_string(next_statuses, ', '))
            end,
            table = tg_table_name,
            constraint = tg_name;
    end if;
    return new;
end;
$$;
