-- Begins passes through the block groups of a tenant's running run, a set of values for each, and gives their ids.
-- A loop counts its passes from 0, anew in each pass around it. A pass that is there already gives none, nor does one
-- whose run is not running, whose group is not in what it runs, or whose pass around it is of another run or group.
-- :batch
-- parent_run_id: nullable
-- input: nullable
-- id: not null
-- allow: unordered, one set of values gives one id at most
\if :{?iteration} \else \set iteration 0 \endif
select begun.begun_id as id
from begin_pass(
    of_tenant => :'tenant_id',
    of_run => :'run_id',
    of_group => :'block_group_id',
    inside => :'parent_run_id',
    number => :'iteration',
    with_input => :'input'
) as begun;
