-- Fails what a lost worker had begun of a run: no one will end it. What another worker has a lease on goes on.

create or replace function fail_lost_steps(of_run uuid, of_worker text)
returns void
language sql
as $$
    update step_runs
    set
        status = 'failed',
        error = 'its worker was lost',
        completed_at = clock_timestamp(),
        duration_ms = extract(epoch from clock_timestamp() - started_at) * 1000
    where
        run_id = of_run
        and status = 'running'
        and (worker is not distinct from of_worker or leased_until < clock_timestamp());
$$;
