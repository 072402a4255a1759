-- A finished run is published: the accounts to publish with, and which of them a project uses.

create table socials (
    id uuid default gen_random_uuid(),
    provider text not null,
    account_id text not null,
    credential_ref text,
    default_caption text,
    default_tags jsonb,
    privacy text,
    rate_limit_window integer,
    created_at timestamptz not null default now(),
    constraint socials_pkey primary key (id)
);

create table project_socials (
    id uuid default gen_random_uuid(),
    project text not null,
    social_id uuid not null,
    is_primary boolean not null default false,
    created_at timestamptz not null default now(),
    constraint project_socials_pkey primary key (id),
    constraint project_socials_social_id_fkey foreign key (social_id) references socials (id) on delete cascade
);
