-- Where a run has got to; none before its first save.
-- :optional
select
    checkpoint.state,
    checkpoint.updated_at
from orchestration_checkpoints as checkpoint
where checkpoint.run_id = :'run_id';
