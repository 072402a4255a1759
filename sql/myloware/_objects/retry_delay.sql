-- How long to wait before the next attempt: twice as long after each one, up to a cap, and a little more or less by
-- chance, so that what failed together does not come back together.
-- The exponent has a bound of its own, for the cap would come too late to keep the interval from overflowing.

create or replace function retry_delay(retry_count integer, base interval, cap interval, jitter double precision)
returns interval
language sql
volatile
as $$
    select least(cap, base * 2 ^ least(retry_count, 30)) * (1 + jitter * (2 * random() - 1));
$$;
