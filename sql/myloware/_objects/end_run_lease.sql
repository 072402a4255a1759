-- A run that is no longer running is nobody's: its next claim, after a gate was opened, begins to count anew.

create or replace function end_run_lease()
returns trigger
language plpgsql
as $$
begin
    delete from run_leases as lease
    where lease.run_id = new.run_id;
    return null;
end;
$$;
