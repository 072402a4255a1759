-- Plans an execution for a user and gives its id. The steps come as a list of objects with name and description;
-- what else the document's plan has of each (id, status, output, attempts, duration_ms) is set here.
-- An encrypted input comes with the id that it is encrypted for, and with the id of its key.
-- :one
\if :{?steps} \else \set steps '[]' \endif
insert into executions (
\if :{?id}
    id,
\endif
\if :{?input_key}
    input_key,
\endif
    user_id,
    input_type,
    input_value,
    input_file_url,
    plan
)
values (
\if :{?id}
    :'id',
\endif
\if :{?input_key}
    :'input_key',
\endif
    :'user_id',
    :'input_type',
    :'input_value',
    :'input_file_url',
    jsonb_build_object(
        'steps', coalesce((
            select
                jsonb_agg(
                    jsonb_build_object(
                        'id', step.position,
                        'name', step.planned ->> 'name',
                        'description', step.planned ->> 'description',
                        'status', 'pending',
                        'output', null,
                        'attempts', 0,
                        'duration_ms', null
                    )
                    order by step.position
                )
            from jsonb_array_elements(:'steps') with ordinality as step (planned, position)
        ), '[]'),
        'total_steps', jsonb_array_length(:'steps'),
        'corrections_applied', 0
    )
)
returning id;
