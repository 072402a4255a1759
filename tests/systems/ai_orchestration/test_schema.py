"""Everything the database reference of ai_orchestration states is asked of the migrated catalog."""

import re

import pytest
from psycopg import Connection, sql
from psycopg.errors import CheckViolation, ForeignKeyViolation

# The reference's tables, column by column; "required" is its NOT NULL. On purpose, three things
# differ: gen_random_uuid() stands for uuid_generate_v4(), the soft delete that the prose promises
# stands in the tables, and (see documented_columns) a column with a default takes no null.
TABLES = {
    "tenants": """
        id uuid required default gen_random_uuid(), name varchar(255) required,
        slug varchar(255) required, settings jsonb default '{}',
        created_at timestamptz default now(), updated_at timestamptz default now(),
        deleted_at timestamptz
    """,
    "users": """
        id uuid required, tenant_id uuid required, email varchar(255) required, name varchar(255),
        role varchar(50) required default 'viewer', last_login_at timestamptz,
        created_at timestamptz default now(), updated_at timestamptz default now(),
        deleted_at timestamptz
    """,
    "workflows": """
        id uuid required default gen_random_uuid(), tenant_id uuid required,
        name varchar(255) required, description text, status varchar(50) required default 'draft',
        version integer required default 1, input_schema jsonb, output_schema jsonb,
        created_by uuid, published_at timestamptz, created_at timestamptz default now(),
        updated_at timestamptz default now(), deleted_at timestamptz
    """,
    "workflow_versions": """
        id uuid required default gen_random_uuid(), workflow_id uuid required,
        version integer required, definition jsonb required, published_by uuid,
        published_at timestamptz default now()
    """,
    "steps": """
        id uuid required default gen_random_uuid(), workflow_id uuid required,
        name varchar(255) required, type varchar(50) required, config jsonb required default '{}',
        position_x integer default 0, position_y integer default 0,
        created_at timestamptz default now(), updated_at timestamptz default now(),
        block_group_id uuid, group_role varchar(50)
    """,
    "edges": """
        id uuid required default gen_random_uuid(), workflow_id uuid required,
        source_step_id uuid required, target_step_id uuid required, condition text,
        created_at timestamptz default now()
    """,
    "block_groups": """
        id uuid required default gen_random_uuid(), workflow_id uuid required,
        name varchar(255) required, type varchar(50) required, config jsonb required default '{}',
        parent_group_id uuid, position_x integer default 0, position_y integer default 0,
        width integer default 400, height integer default 300,
        created_at timestamptz default now(), updated_at timestamptz default now()
    """,
    "block_group_runs": """
        id uuid required default gen_random_uuid(), run_id uuid required,
        block_group_id uuid required, status varchar(50) default 'pending',
        iteration integer default 0, input jsonb, output jsonb, error text,
        started_at timestamptz, completed_at timestamptz, created_at timestamptz default now()
    """,
    "runs": """
        id uuid required default gen_random_uuid(), tenant_id uuid required,
        workflow_id uuid required, workflow_version integer required,
        status varchar(50) required default 'pending',
        mode varchar(50) required default 'production', input jsonb, output jsonb, error text,
        triggered_by varchar(50) required default 'manual', triggered_by_user uuid,
        started_at timestamptz, completed_at timestamptz, created_at timestamptz default now()
    """,
    "step_runs": """
        id uuid required default gen_random_uuid(), run_id uuid required, step_id uuid required,
        step_name varchar(255) required, status varchar(50) required default 'pending',
        attempt integer required default 1, input jsonb, output jsonb, error text,
        started_at timestamptz, completed_at timestamptz, duration_ms integer,
        created_at timestamptz default now()
    """,
    "schedules": """
        id uuid required default gen_random_uuid(), tenant_id uuid required,
        workflow_id uuid required, workflow_version integer required default 1,
        name varchar(255) required, description text, cron_expression varchar(100) required,
        timezone varchar(50) required default 'UTC', input jsonb,
        status varchar(50) required default 'active', next_run_at timestamptz,
        last_run_at timestamptz, last_run_id uuid, run_count integer required default 0,
        created_by uuid, created_at timestamptz default now(),
        updated_at timestamptz default now(), deleted_at timestamptz
    """,
    "webhooks": """
        id uuid required default gen_random_uuid(), tenant_id uuid required,
        workflow_id uuid required, name varchar(255) required, description text,
        secret varchar(255) required, input_mapping jsonb, enabled boolean required default true,
        last_triggered_at timestamptz, trigger_count integer required default 0, created_by uuid,
        created_at timestamptz default now(), updated_at timestamptz default now(),
        deleted_at timestamptz
    """,
    "adapters": """
        id varchar(100) required, tenant_id uuid, name varchar(255) required, description text,
        type varchar(50) required, config jsonb, input_schema jsonb, output_schema jsonb,
        enabled boolean required default true, created_at timestamptz default now(),
        updated_at timestamptz default now(), deleted_at timestamptz
    """,
    "secrets": """
        id uuid required default gen_random_uuid(), tenant_id uuid required,
        name varchar(255) required, encrypted_value text required, created_by uuid,
        created_at timestamptz default now(), updated_at timestamptz default now(),
        deleted_at timestamptz
    """,
    "audit_logs": """
        id uuid required default gen_random_uuid(), tenant_id uuid required, actor_id uuid,
        actor_email varchar(255), action varchar(100) required,
        resource_type varchar(100) required, resource_id uuid, metadata jsonb, ip_address inet,
        user_agent text, created_at timestamptz default now()
    """,
}

CONSTRAINTS = {
    *(f"{table} primary key (id)" for table in TABLES),
    "tenants unique (slug)",
    "users unique (tenant_id, email)",
    "workflow_versions unique (workflow_id, version)",
    "edges unique (source_step_id, target_step_id)",
    "secrets unique (tenant_id, name)",
    "users foreign key (tenant_id) references tenants(id)",
    "workflows foreign key (tenant_id) references tenants(id)",
    "workflows foreign key (created_by) references users(id)",
    "workflow_versions foreign key (workflow_id) references workflows(id)",
    "workflow_versions foreign key (published_by) references users(id)",
    "steps foreign key (workflow_id) references workflows(id) on delete cascade",
    "steps foreign key (block_group_id) references block_groups(id) on delete set null",
    "edges foreign key (workflow_id) references workflows(id) on delete cascade",
    "edges foreign key (source_step_id) references steps(id) on delete cascade",
    "edges foreign key (target_step_id) references steps(id) on delete cascade",
    "block_groups foreign key (workflow_id) references workflows(id) on delete cascade",
    "block_groups foreign key (parent_group_id) references block_groups(id) on delete cascade",
    "block_group_runs foreign key (run_id) references runs(id) on delete cascade",
    "block_group_runs foreign key (block_group_id) references block_groups(id) on delete cascade",
    "runs foreign key (tenant_id) references tenants(id)",
    "runs foreign key (workflow_id) references workflows(id)",
    "runs foreign key (triggered_by_user) references users(id)",
    "step_runs foreign key (run_id) references runs(id) on delete cascade",
    "schedules foreign key (tenant_id) references tenants(id)",
    "schedules foreign key (workflow_id) references workflows(id)",
    "schedules foreign key (last_run_id) references runs(id)",
    "schedules foreign key (created_by) references users(id)",
    "webhooks foreign key (tenant_id) references tenants(id)",
    "webhooks foreign key (workflow_id) references workflows(id)",
    "webhooks foreign key (created_by) references users(id)",
    "adapters foreign key (tenant_id) references tenants(id)",
    "secrets foreign key (tenant_id) references tenants(id)",
    "secrets foreign key (created_by) references users(id)",
    "audit_logs foreign key (tenant_id) references tenants(id)",
}

INDEXES = {
    "idx_workflows_tenant on workflows (tenant_id)",
    "idx_workflows_status on workflows (status)",
    "idx_block_groups_workflow on block_groups (workflow_id)",
    "idx_block_groups_parent on block_groups (parent_group_id)",
    "idx_block_group_runs_run on block_group_runs (run_id)",
    "idx_block_group_runs_block_group on block_group_runs (block_group_id)",
    "idx_runs_tenant on runs (tenant_id)",
    "idx_runs_workflow on runs (workflow_id)",
    "idx_runs_status on runs (status)",
    "idx_step_runs_run on step_runs (run_id)",
    "idx_schedules_tenant on schedules (tenant_id)",
    "idx_schedules_next_run on schedules (next_run_at) where ((status)::text = 'active'::text)",
    "idx_audit_logs_tenant on audit_logs (tenant_id)",
    "idx_audit_logs_created on audit_logs (created_at)",
}

VALUES = {
    "users.role": "tenant_admin builder operator viewer",
    "workflows.status": "draft published",
    "steps.type": "llm tool condition map join subflow",
    "block_groups.type": "parallel try_catch if_else switch_case foreach while",
    "block_group_runs.status": "pending running completed failed skipped",
    "runs.status": "pending running completed failed cancelled",
    "runs.mode": "test production",
    "runs.triggered_by": "manual schedule webhook",
    "step_runs.status": "pending running completed failed",
    "schedules.status": "active paused",
    "adapters.type": "builtin custom",
    "audit_logs.action": "create update delete publish execute",
    # the reference has the first three, and describes work on the others too
    "audit_logs.resource_type": "workflow run secret tenant user webhook adapter schedule",
}

ID = "'00000000-0000-0000-0000-000000000001'"
OTHER = "'00000000-0000-0000-0000-000000000002'"

# Each table has ids of its own, so two are enough.
ROWS = f"""
insert into users (id, tenant_id, email) values ({ID}, {ID}, 'ada@example.org');
insert into workflows (id, tenant_id, name, created_by) values ({ID}, {ID}, 'digest', {ID});
insert into block_groups (id, workflow_id, name, type) values ({ID}, {ID}, 'all', 'foreach');
insert into block_groups (id, workflow_id, name, type, parent_group_id)
values ({OTHER}, {ID}, 'one', 'if_else', {ID});
insert into steps (id, workflow_id, name, type) values ({ID}, {ID}, 'fetch', 'tool');
insert into steps (id, workflow_id, name, type, block_group_id, group_role)
values ({OTHER}, {ID}, 'sum up', 'llm', {OTHER}, 'then');
insert into edges (workflow_id, source_step_id, target_step_id) values ({ID}, {ID}, {OTHER});
insert into runs (id, tenant_id, workflow_id, workflow_version) values ({ID}, {ID}, {ID}, 1);
insert into step_runs (run_id, step_id, step_name) values ({ID}, {ID}, 'fetch');
insert into block_group_runs (run_id, block_group_id) values ({ID}, {ID});
insert into schedules (tenant_id, workflow_id, name, cron_expression, last_run_id)
values ({ID}, {ID}, 'daily', '0 7 * * *', {ID});
insert into audit_logs (tenant_id, action, resource_type) values ({ID}, 'create', 'workflow');
"""


@pytest.fixture
def filled(database: Connection) -> Connection:
    """A database in which one small workflow was built and run."""
    database.execute(ROWS)
    # the log refuses the updates by which its checks are tried
    database.execute("alter table audit_logs disable trigger audit_logs_keep_rows")
    return database


def test_every_documented_column_has_its_type_nullability_and_default(database: Connection) -> None:
    found = database.execute(
        "select concat_ws(' ',"
        " attrelid::regclass || '.' || attname,"
        " format_type(atttypid, atttypmod),"
        " case when attnotnull then 'required' end,"
        " 'default ' || regexp_replace(pg_get_expr(adbin, adrelid), '::[a-z ]+$', ''))"
        " from pg_attribute"
        " left join pg_attrdef on adrelid = attrelid and adnum = attnum"
        " where attnum > 0 and not attisdropped and attrelid::regclass::text = any(%s)",
        [list(TABLES)],
    )

    assert {line for (line,) in found} >= documented_columns()


def documented_columns() -> set[str]:
    columns: set[str] = set()
    for table, documented in TABLES.items():
        for column in documented.split(","):
            name, type_, *rest = column.split()
            if "default" in rest and "required" not in rest:
                rest.insert(0, "required")
            columns.add(" ".join([f"{table}.{name}", written_out(type_), *rest]))
    return columns


def written_out(type_: str) -> str:
    return type_.replace("varchar", "character varying").replace(
        "timestamptz", "timestamp with time zone"
    )


def test_every_table_has_its_keys_and_references(database: Connection) -> None:
    found = database.execute(
        "select conrelid::regclass || ' ' || lower(pg_get_constraintdef(oid))"
        " from pg_constraint where contype in ('p', 'u', 'f')"
    )

    assert {line for (line,) in found} >= CONSTRAINTS


def test_every_documented_index_has_its_name_columns_and_predicate(database: Connection) -> None:
    found = database.execute(
        "select replace(replace(lower(indexdef), 'public.', ''), 'using btree ', '')"
        " from pg_indexes"
    )

    assert {line for (line,) in found} >= {f"create index {index}" for index in INDEXES}


def test_every_documented_list_of_values_is_a_validated_check(database: Connection) -> None:
    found = database.execute(
        "select conname, pg_get_constraintdef(oid) from pg_constraint"
        " where contype = 'c' and convalidated"
    )

    lists = {name: re.findall(r"'(\w+)'", definition) for name, definition in found}
    assert {column: lists.get(check_of(column)) for column in VALUES} == {
        column: values.split() for column, values in VALUES.items()
    }


def check_of(column: str) -> str:
    return f"{column.replace('.', '_')}_check"


def test_every_documented_value_is_taken(filled: Connection) -> None:
    for column, values in VALUES.items():
        for value in values.split():
            assert overwrite(filled, column, value) > 0


def test_a_value_that_is_not_documented_is_refused(filled: Connection) -> None:
    for column in VALUES:
        with pytest.raises(CheckViolation, match=check_of(column)), filled.transaction():
            overwrite(filled, column, "undocumented")


def overwrite(database: Connection, column: str, value: str) -> int:
    table, name = column.split(".")
    statement = sql.SQL("update {} set {} = %s").format(sql.Identifier(table), sql.Identifier(name))
    return database.execute(statement, [value]).rowcount


def test_the_default_tenant_is_there(database: Connection) -> None:
    found = database.execute("select id::text from tenants").fetchall()

    assert found == [(ID.strip("'"),)]


def test_the_built_in_adapters_serve_every_tenant(database: Connection) -> None:
    found = database.execute(
        "select id, type, enabled from adapters where tenant_id is null order by id"
    )

    assert found.fetchall() == [
        ("anthropic", "builtin", True),
        ("http", "builtin", True),
        ("mock", "builtin", True),
        ("openai", "builtin", True),
    ]


def test_every_tenant_owned_table_but_the_records_of_what_happened_has_soft_delete(
    database: Connection,
) -> None:
    found = database.execute(
        "select table_name from information_schema.columns where column_name = 'tenant_id'"
        " except"
        " select table_name from information_schema.columns where column_name = 'deleted_at'"
    )

    # a version has its tenant for the sake of its references; it lives and dies with its workflow
    assert {table for (table,) in found} == {"runs", "audit_logs", "workflow_versions"}


def test_deleting_a_workflow_that_never_ran_takes_its_graph_along(filled: Connection) -> None:
    filled.execute("delete from schedules")
    filled.execute("delete from runs")

    filled.execute("delete from workflows")

    assert rows(filled, "steps", "edges", "block_groups") == [0, 0, 0]


def test_a_workflow_that_ran_cannot_be_deleted(filled: Connection) -> None:
    filled.execute("delete from schedules")

    with pytest.raises(ForeignKeyViolation, match="runs_workflow_id_fkey"):
        filled.execute("delete from workflows")


def test_deleting_a_step_takes_its_edges_along_and_keeps_its_runs(filled: Connection) -> None:
    filled.execute(f"delete from steps where id = {ID}")

    assert rows(filled, "steps", "edges", "step_runs") == [1, 0, 1]


def test_deleting_a_run_takes_its_parts_along(filled: Connection) -> None:
    filled.execute("delete from schedules")

    filled.execute("delete from runs")

    assert rows(filled, "step_runs", "block_group_runs") == [0, 0]


def test_deleting_a_group_takes_the_groups_in_it_along_and_leaves_the_steps(
    filled: Connection,
) -> None:
    filled.execute(f"delete from block_groups where id = {ID}")

    assert rows(filled, "block_groups", "block_group_runs", "steps") == [0, 0, 2]
    assert filled.execute("select block_group_id from steps").fetchall() == [(None,), (None,)]


def rows(database: Connection, *tables: str) -> list[int]:
    return [
        database.execute(sql.SQL("table {}").format(sql.Identifier(table))).rowcount
        for table in tables
    ]
