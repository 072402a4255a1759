-- A user signs in on several devices and runs executions, each with its logs and its artifacts.
-- The document loads uuid-ossp and pgcrypto first; gen_random_uuid() is the core's, so neither is needed.
-- Its function and trigger for updated_at are in sql/mrwa/_objects, with $$ where the document has a single $.

create table users (
    id uuid default gen_random_uuid(),
    email varchar(255) not null,
    password_hash varchar(255) not null,
    name varchar(255),
    created_at timestamp default now(),
    updated_at timestamp default now(),
    last_login timestamp,
    email_verified boolean default false,
    metadata jsonb default '{}'::jsonb,
    constraint users_pkey primary key (id),
    constraint users_email_key unique (email)
);

-- documented, though the index of users_email_key serves the same look-up by email
create index idx_users_email on users (email);

-- serves the newest users
create index idx_users_created_at on users (created_at);

create table sessions (
    id uuid default gen_random_uuid(),
    user_id uuid,
    refresh_token varchar(500) not null,
    device_info jsonb,
    ip_address inet,
    user_agent text,
    created_at timestamp default now(),
    last_used_at timestamp default now(),
    expires_at timestamp not null,
    revoked boolean default false,
    constraint sessions_pkey primary key (id),
    constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint sessions_refresh_token_key unique (refresh_token)
);

-- serves the sessions of one user, and the deletion of a user
create index idx_sessions_user_id on sessions (user_id);

-- documented, though the index of sessions_refresh_token_key serves the same look-up by token
create index idx_sessions_refresh_token on sessions (refresh_token);

-- serves the cleaning up of expired sessions
create index idx_sessions_expires_at on sessions (expires_at);

create table executions (
    id uuid default gen_random_uuid(),
    user_id uuid,
    input_type varchar(50) not null,
    input_value text not null,
    input_file_url text,
    status varchar(50) not null default 'planned',
    plan jsonb,
    current_step integer default 0,
    created_at timestamp default now(),
    started_at timestamp,
    completed_at timestamp,
    metadata jsonb default '{}'::jsonb,
    error_message text,
    constraint executions_pkey primary key (id),
    constraint executions_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);

-- serves the statistics of one user, and the deletion of a user
create index idx_executions_user_id on executions (user_id);

-- serves the active executions and the cleaning up of completed ones
create index idx_executions_status on executions (status);

-- serves the newest executions
create index idx_executions_created_at on executions (created_at);

-- serves one user's executions in one status
create index idx_executions_user_status on executions (user_id, status);

create table execution_logs (
    id uuid default gen_random_uuid(),
    execution_id uuid,
    timestamp timestamp default now(),
    level varchar(20) not null,
    message text not null,
    metadata jsonb,
    step_id integer,
    constraint execution_logs_pkey primary key (id),
    constraint execution_logs_execution_id_fkey
    foreign key (execution_id) references executions (id) on delete cascade
);

-- serves the logs of one execution, and the deletion of an execution
create index idx_execution_logs_execution_id on execution_logs (execution_id);

-- serves the cleaning up of old logs
create index idx_execution_logs_timestamp on execution_logs (timestamp);

create table artifacts (
    id uuid default gen_random_uuid(),
    execution_id uuid,
    type varchar(50) not null,
    name varchar(255),
    data jsonb,
    file_url text,
    file_size_bytes bigint,
    mime_type varchar(100),
    verified boolean default false,
    created_at timestamp default now(),
    constraint artifacts_pkey primary key (id),
    constraint artifacts_execution_id_fkey foreign key (execution_id) references executions (id) on delete cascade
);

-- serves the artifacts of one execution, and the deletion of an execution
create index idx_artifacts_execution_id on artifacts (execution_id);

-- serves the artifacts of one type
create index idx_artifacts_type on artifacts (type);
