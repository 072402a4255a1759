-- Adds a session that waits to be started, and records that it was created.
-- row: SessionState
-- :one
\if :{?metadata} \else \set metadata {} \endif
\if :{?user_action} \else \set user_action create \endif
with event as (
    insert into audit_log (
\if :{?ip_address}
        ip_address,
\endif
        event_type,
        session_id,
        user_action
    )
    values (
\if :{?ip_address}
        :'ip_address',
\endif
        'session_created',
        :'session_id',
        :'user_action'
    )
)

insert into sessions (
\if :{?project_name}
    project_name,
\endif
\if :{?work_dir}
    work_dir,
\endif
    session_id,
    user_mission,
    metadata
)
values (
\if :{?project_name}
    :'project_name',
\endif
\if :{?work_dir}
    :'work_dir',
\endif
    :'session_id',
    :'user_mission',
    :'metadata'
)
returning
    session_id,
    status,
    current_phase,
    iteration_count,
    updated_at;
