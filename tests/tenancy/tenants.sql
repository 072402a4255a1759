-- Two levels of what is a tenant's: by a column of its own, and by what it refers to.

create table tenants (
    id integer primary key,
    slug text not null unique
);

create table users (
    id integer primary key,
    tenant_id integer not null references tenants (id),
    email text not null,
    unique (tenant_id, email)
);

create table workflows (
    id integer primary key,
    tenant_id integer not null references tenants (id),
    -- it may name another tenant's: nothing forbids it
    parent_id integer,
    name text not null,
    created_by integer references users (id)
);

create table steps (
    id integer primary key,
    workflow_id integer not null references workflows (id) on delete cascade,
    name text not null,
    unique (workflow_id, id)
);

create table edges (
    id integer primary key,
    workflow_id integer not null references workflows (id) on delete cascade,
    source_id integer not null references steps (id) on delete cascade,
    target_id integer not null references steps (id) on delete cascade,
    label text,
    unique (source_id, target_id)
);

create table runs (
    id integer primary key,
    tenant_id integer not null references tenants (id),
    -- as above
    workflow_id integer not null,
    status text not null default 'pending'
);

create table step_runs (
    id integer primary key,
    run_id integer not null references runs (id) on delete cascade,
    attempt integer not null,
    unique (run_id, attempt)
);

-- one without a tenant is everybody's
create table adapters (
    id integer primary key,
    tenant_id integer references tenants (id),
    name text not null
);

-- a tenant's through a column of another name
create table invoices (
    id integer primary key,
    payer integer not null references tenants (id),
    amount integer not null
);

-- two columns name the parent
create table parts (
    workflow_id integer,
    number integer,
    title text not null,
    primary key (workflow_id, number),
    foreign key (workflow_id) references workflows (id) on delete cascade
);

create table notes (
    id integer primary key,
    part_workflow integer not null,
    part_number integer not null,
    body text not null,
    foreign key (part_workflow, part_number) references parts (workflow_id, number) on delete cascade
);

-- only both columns together name the parent
create table shelves (
    id integer primary key,
    tenant_id integer not null references tenants (id),
    room integer not null,
    number integer not null,
    unique (room, number)
);

create table books (
    id integer primary key,
    room integer not null,
    shelf integer not null,
    title text not null,
    foreign key (room, shelf) references shelves (room, number)
);

-- a foreign key with the tenant in it leads to the tenant's own
create table schedules (
    id integer primary key,
    tenant_id integer not null references tenants (id),
    shelf_id integer,
    unchecked_id integer
);

alter table shelves add unique (tenant_id, id);

alter table schedules
    add foreign key (tenant_id, shelf_id) references shelves (tenant_id, id) on delete cascade,
    add foreign key (tenant_id, unchecked_id) references shelves (tenant_id, id) on delete cascade not valid;

-- where the tenant is null, the foreign key is not looked at
create table gifts (
    id integer primary key,
    tenant_id integer references tenants (id),
    shelf_id integer not null,
    foreign key (tenant_id, shelf_id) references shelves (tenant_id, id) on delete cascade
);

create table lamps (
    id integer primary key,
    shelf_id integer not null references shelves (id) on delete cascade
);

-- one foreign key contains the other
create table moves (
    id integer primary key,
    workflow_id integer not null references workflows (id) on delete cascade,
    step_id integer not null references steps (id) on delete cascade,
    foreign key (workflow_id, step_id) references steps (workflow_id, id) on delete cascade
);

create table countries (
    code text primary key,
    name text not null
);

create view workflow_sizes as
select
    workflow.id,
    workflow.tenant_id,
    workflow.name,
    count(step.id) as steps
from workflows as workflow
left join steps as step on step.workflow_id = workflow.id
group by workflow.id, workflow.tenant_id, workflow.name;

create view latest_workflows as
select id, tenant_id, name
from workflows
order by id desc
limit 3;

create view workflow_names as
select name from workflows;

create view ranked_workflows as
select
    id,
    tenant_id,
    row_number() over (partition by tenant_id order by id) as rank,
    row_number() over (order by id) as overall
from workflows;

create view partly_ranked_workflows as
select
    id,
    tenant_id,
    row_number() over (partition by tenant_id order by id) as rank
from workflows;

create materialized view run_counts as
select tenant_id, count(*) as runs
from runs
group by tenant_id;

create function count_all() returns bigint
language plpgsql stable as $$ begin return (select count(*) from workflows); end $$;

create function count_of(tenant integer) returns bigint
language plpgsql stable as $$ begin return (select count(*) from workflows where tenant_id = tenant); end $$;

create function next_in_line(number integer) returns integer
language sql immutable as $$ select number + 1 $$;

create view run_names with (security_invoker = true) as
select id, tenant_id, status
from runs;
