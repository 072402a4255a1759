-- The input of an execution as it is kept: input_key is the key that it is encrypted with, or null for plain text.
-- :optional
select
    execution.input_value,
    execution.input_key
from executions as execution
where execution.id = :'execution_id';
