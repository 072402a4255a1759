-- Keeps an input in another form, and touches none where it is not the previous one any more.
-- input_key is the key that it is encrypted with now, or null for plain text.
-- :batch
update executions
set
    input_value = :'input_value',
    input_key = :'input_key'
where
    id = :'execution_id'
    and input_value = :'previous_value';
