-- Takes the execution that has been planned for longest and starts it, or gives none; no two workers get the same.
-- One that another worker is taking at this moment is passed over, not waited for.
-- input_file_url: nullable
-- :optional
update executions
set
    status = 'running',
    started_at = now()
where id = (
    select planned.id
    from executions as planned
    where planned.status = 'planned'
    order by planned.created_at, planned.id
    limit 1
    for update skip locked
)
returning
    id,
    user_id,
    input_type,
    input_value,
    input_file_url;
