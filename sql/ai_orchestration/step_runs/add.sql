-- Begins the next attempt at a step of a tenant's running run, inside a pass through a block group if that is given.
-- It tells its id and number: 1, or one more than that of the last attempt there, which must have failed.
-- None if the run is not running, the step or the pass is not of the run, or an attempt is under way or has succeeded;
-- of workers that begin at once one gets the attempt. A test run has the steps of the draft as well.
-- An attempt whose lease has run out fails, as its worker is lost; the last of max_attempts lost so has no next one.
-- :optional
-- block_group_run_id: nullable
-- input: nullable
-- id: not null
-- attempt: not null
\if :{?max_attempts} \else \set max_attempts 5 \endif
select
    begun.begun_id as id,
    begun.begun_attempt as attempt
from begin_attempt(
    of_tenant => :'tenant_id',
    of_run => :'run_id',
    of_step => :'step_id',
    of_pass => :'block_group_run_id',
    with_input => :'input',
    at_most => :'max_attempts'
) as begun
order by begun.begun_attempt
limit 1;
