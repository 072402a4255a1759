-- Version 1 of the document: the tables of its diagram, with their indexes.
-- The documented table schema_version is not made here: it is dbkit's own ledger, made before any migration runs.
-- Where the column tables say "Nullable: No" and the DDL says nothing, not null stands;
-- where the diagram shortens names (parent_id, version_num, duration_sec), the DDL's names stand.

create table sessions (
    session_id varchar(64),
    user_mission text not null,
    project_name varchar(255),
    status varchar(50) not null default 'pending',
    current_phase varchar(50) not null default 'pm',
    created_at timestamptz not null default current_timestamp,
    updated_at timestamptz not null default current_timestamp,
    iteration_count integer not null default 0,
    qa_passed boolean not null default false,
    work_dir text,
    state_json jsonb,
    metadata jsonb not null default '{}',
    constraint sessions_pkey primary key (session_id)
);

-- the lists of sessions by status, by last change, by age, by phase, of one project
create index idx_sessions_status on sessions (status);
create index idx_sessions_updated on sessions (updated_at desc);
create index idx_sessions_created on sessions (created_at desc);
create index idx_sessions_phase on sessions (current_phase);
create index idx_sessions_project on sessions (project_name);

create table checkpoints (
    id serial,
    thread_id varchar(64) not null,
    checkpoint_id varchar(64) not null,
    parent_checkpoint_id varchar(64),
    checkpoint_data jsonb not null,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default current_timestamp,
    constraint checkpoints_pkey primary key (id),
    constraint checkpoints_thread_id_checkpoint_id_key unique (thread_id, checkpoint_id)
);

-- a workflow resumes from its thread's checkpoints; a branch is followed from its parent; old ones are cleared by age
create index idx_checkpoints_thread on checkpoints (thread_id);
create index idx_checkpoints_parent on checkpoints (parent_checkpoint_id);
create index idx_checkpoints_created on checkpoints (created_at desc);

create table artifacts (
    id serial,
    session_id varchar(64) not null,
    artifact_type varchar(50) not null,
    file_path text not null,
    content_hash varchar(64),
    version integer not null default 1,
    created_at timestamptz not null default current_timestamp,
    metadata jsonb not null default '{}',
    constraint artifacts_pkey primary key (id),
    constraint artifacts_session_id_fkey foreign key (session_id) references sessions (session_id) on delete cascade
);

-- what a session has produced, and everything of one type
create index idx_artifacts_session on artifacts (session_id);
create index idx_artifacts_type on artifacts (artifact_type);

create table agent_executions (
    id serial,
    session_id varchar(64) not null,
    agent_type varchar(50) not null,
    started_at timestamptz not null default current_timestamp,
    completed_at timestamptz,
    status varchar(50) not null default 'running',
    input_summary text,
    output_summary text,
    error_message text,
    tokens_used integer not null default 0,
    duration_seconds numeric(10, 2),
    metadata jsonb not null default '{}',
    constraint agent_executions_pkey primary key (id),
    constraint agent_executions_session_id_fkey
    foreign key (session_id) references sessions (session_id) on delete cascade
);

-- the executions of a session, of an agent, in a status, and of the last days (agent_performance)
create index idx_executions_session on agent_executions (session_id);
create index idx_executions_agent on agent_executions (agent_type);
create index idx_executions_status on agent_executions (status);
create index idx_executions_started on agent_executions (started_at desc);

create table agent_settings (
    id serial,
    profile_name varchar(50) not null,
    provider varchar(50) not null default 'anthropic',
    model varchar(100),
    auth_type varchar(50) not null default 'api_key',
    api_key_encrypted text,
    daily_limit integer not null default 0,
    hard_limit boolean not null default false,
    usage_unit varchar(20) not null default 'runs',
    usage_today integer not null default 0,
    last_reset_date date not null default current_date,
    env_overrides jsonb not null default '{}',
    active_prompt_path text,
    created_at timestamptz not null default current_timestamp,
    updated_at timestamptz not null default current_timestamp,
    constraint agent_settings_pkey primary key (id),
    constraint agent_settings_profile_name_key unique (profile_name)
);

create table prompt_versions (
    id serial,
    profile_name varchar(50) not null,
    version_number integer not null,
    prompt_content text not null,
    note text,
    is_active boolean not null default false,
    created_at timestamptz not null default current_timestamp,
    constraint prompt_versions_pkey primary key (id),
    constraint prompt_versions_profile_name_version_number_key unique (profile_name, version_number)
);

-- the history of a profile's prompt, and the version in use
create index idx_prompts_profile on prompt_versions (profile_name);
create index idx_prompts_active on prompt_versions (profile_name) where is_active = true;

-- session_id has no foreign key, as in the document: the trail outlives the session
create table audit_log (
    id serial,
    event_type varchar(100) not null,
    session_id varchar(64),
    user_action varchar(255),
    details jsonb not null default '{}',
    ip_address inet,
    created_at timestamptz not null default current_timestamp,
    constraint audit_log_pkey primary key (id)
);

-- the trail of one kind of event, of one session, of one period
create index idx_audit_event on audit_log (event_type);
create index idx_audit_session on audit_log (session_id);
create index idx_audit_created on audit_log (created_at desc);
