-- Inputs that are not encrypted with this key, from after an id on; without a key, those that are not plain text.
-- :many
\if :{?max_inputs} \else \set max_inputs 100 \endif
select
    execution.id,
    execution.input_value,
    execution.input_key
from executions as execution
where
    execution.id > :'after'
    and execution.input_key is distinct from :'input_key'
order by execution.id
limit :'max_inputs';
