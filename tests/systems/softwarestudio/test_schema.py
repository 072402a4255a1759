"""Everything the schema documentation of softwarestudio states is asked of the migrated catalog."""

import re

import pytest
from psycopg import Connection, sql
from psycopg.errors import CheckViolation, NotNullViolation, UniqueViolation

# The document's tables, column by column; "required" is its "Nullable: No". For metrics, which has
# no such list, the columns with a default are required as everywhere.
TABLES = {
    "sessions": """
        session_id varchar(64) required, user_mission text required, project_name varchar(255),
        status varchar(50) required default 'pending',
        current_phase varchar(50) required default 'pm',
        created_at timestamptz required default CURRENT_TIMESTAMP,
        updated_at timestamptz required default CURRENT_TIMESTAMP,
        iteration_count integer required default 0, qa_passed boolean required default false,
        work_dir text, state_json jsonb, metadata jsonb required default '{}'
    """,
    "checkpoints": """
        id serial, thread_id varchar(64) required, checkpoint_id varchar(64) required,
        parent_checkpoint_id varchar(64), checkpoint_data jsonb required,
        metadata jsonb required default '{}',
        created_at timestamptz required default CURRENT_TIMESTAMP
    """,
    "artifacts": """
        id serial, session_id varchar(64) required, artifact_type varchar(50) required,
        file_path text required, content_hash varchar(64), version integer required default 1,
        created_at timestamptz required default CURRENT_TIMESTAMP,
        metadata jsonb required default '{}'
    """,
    "agent_executions": """
        id serial, session_id varchar(64) required, agent_type varchar(50) required,
        started_at timestamptz required default CURRENT_TIMESTAMP, completed_at timestamptz,
        status varchar(50) required default 'running', input_summary text, output_summary text,
        error_message text, tokens_used integer required default 0,
        duration_seconds numeric(10,2), metadata jsonb required default '{}'
    """,
    "agent_settings": """
        id serial, profile_name varchar(50) required,
        provider varchar(50) required default 'anthropic', model varchar(100),
        auth_type varchar(50) required default 'api_key', api_key_encrypted text,
        daily_limit integer required default 0, hard_limit boolean required default false,
        usage_unit varchar(20) required default 'runs', usage_today integer required default 0,
        last_reset_date date required default ((now() AT TIME ZONE 'UTC'::text)),
        env_overrides jsonb required default '{}', active_prompt_path text,
        created_at timestamptz required default CURRENT_TIMESTAMP,
        updated_at timestamptz required default CURRENT_TIMESTAMP
    """,
    "prompt_versions": """
        id serial, profile_name varchar(50) required, version_number integer required,
        prompt_content text required, note text, is_active boolean required default false,
        created_at timestamptz required default CURRENT_TIMESTAMP
    """,
    "audit_log": """
        id serial, event_type varchar(100) required, session_id varchar(64),
        user_action varchar(255), details jsonb required default '{}', ip_address inet,
        created_at timestamptz required default CURRENT_TIMESTAMP
    """,
    "metrics": """
        id serial, metric_name varchar(100) required, metric_value numeric required,
        labels jsonb required default '{}',
        recorded_at timestamptz required default CURRENT_TIMESTAMP
    """,
    "active_sessions": """
        session_id varchar(64), user_mission text, project_name varchar(255), status varchar(50),
        current_phase varchar(50), created_at timestamptz, updated_at timestamptz,
        iteration_count integer, qa_passed boolean
    """,
    "session_metrics": """
        status varchar(50), count bigint, avg_iterations numeric, qa_passed_count bigint
    """,
    "agent_performance": """
        agent_type varchar(50), total_runs bigint, successful_runs bigint,
        avg_duration_seconds numeric, total_tokens bigint
    """,
}

CONSTRAINTS = {
    "sessions primary key (session_id)",
    "checkpoints primary key (id)",
    "checkpoints unique (thread_id, checkpoint_id)",
    "artifacts primary key (id)",
    "artifacts foreign key (session_id) references sessions(session_id) on delete cascade",
    "agent_executions primary key (id)",
    "agent_executions foreign key (session_id) references sessions(session_id) on delete cascade",
    "agent_settings primary key (id)",
    "agent_settings unique (profile_name)",
    "prompt_versions primary key (id)",
    "prompt_versions unique (profile_name, version_number)",
    "audit_log primary key (id)",
    "metrics primary key (id)",
}

INDEXES = {
    "idx_sessions_status on sessions (status)",
    "idx_sessions_updated on sessions (updated_at desc)",
    "idx_sessions_created on sessions (created_at desc)",
    "idx_sessions_phase on sessions (current_phase)",
    "idx_sessions_project on sessions (project_name)",
    "idx_checkpoints_thread on checkpoints (thread_id)",
    "idx_checkpoints_parent on checkpoints (parent_checkpoint_id)",
    "idx_checkpoints_created on checkpoints (created_at desc)",
    "idx_artifacts_session on artifacts (session_id)",
    "idx_artifacts_type on artifacts (artifact_type)",
    "idx_executions_session on agent_executions (session_id)",
    "idx_executions_agent on agent_executions (agent_type)",
    "idx_executions_status on agent_executions (status)",
    "idx_executions_started on agent_executions (started_at desc)",
    "idx_prompts_profile on prompt_versions (profile_name)",
    "idx_prompts_active on prompt_versions (profile_name) where (is_active = true)",
    "idx_audit_event on audit_log (event_type)",
    "idx_audit_session on audit_log (session_id)",
    "idx_audit_created on audit_log (created_at desc)",
    "idx_metrics_name on metrics (metric_name)",
    "idx_metrics_recorded on metrics (recorded_at desc)",
}

VALUES = {
    "sessions.status": "pending running awaiting_approval completed failed expired",
    "sessions.current_phase": "pm arch human_gate eng qa complete",
    "artifacts.artifact_type": "prd tech_spec scaffold bug_report code test",
    "agent_executions.agent_type": "pm arch eng qa",
    "audit_log.event_type": (
        "session_created session_approved session_rejected session_completed session_failed"
        " agent_started agent_completed settings_changed prompt_updated"
    ),
}

ROWS = """
insert into sessions (session_id, user_mission) values ('s1', 'Build a clock');
insert into artifacts (session_id, artifact_type, file_path) values ('s1', 'prd', 'prd.md');
insert into agent_executions (session_id, agent_type) values ('s1', 'pm');
insert into audit_log (event_type, session_id) values ('session_created', 's1');
"""


@pytest.fixture
def filled(database: Connection) -> Connection:
    """A database in which one session has begun."""
    database.execute(ROWS)
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
    return {
        f"{table}.{written_out(table, column)}"
        for table, documented in TABLES.items()
        for column in re.split(r",\s+", documented.strip())
    }


def written_out(table: str, column: str) -> str:
    for short, long in {
        "varchar": "character varying",
        "timestamptz": "timestamp with time zone",
        "id serial": f"id integer required default nextval('{table}_id_seq'::regclass)",
    }.items():
        column = column.replace(short, long)
    return column


def test_every_serial_column_owns_its_sequence(database: Connection) -> None:
    serial = [table for table, documented in TABLES.items() if "id serial" in documented]

    for table in serial:
        found = database.execute("select pg_get_serial_sequence(%s, 'id')", [table]).fetchone()

        assert found == (f"public.{table}_id_seq",)


def test_every_documented_key_and_reference_stands(database: Connection) -> None:
    found = database.execute(
        "select conrelid::regclass || ' ' || lower(pg_get_constraintdef(oid))"
        " from pg_constraint where contype in ('p', 'u', 'f')"
    )

    assert {line for (line,) in found} >= CONSTRAINTS


def test_every_documented_index_has_its_name_order_and_predicate(database: Connection) -> None:
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


@pytest.mark.usefixtures("as_owner")
def test_every_documented_value_is_taken(filled: Connection) -> None:
    for column, values in VALUES.items():
        for value in values.split():
            assert overwrite(filled, column, value) > 0


@pytest.mark.usefixtures("as_owner")
def test_a_value_that_is_not_documented_is_refused(filled: Connection) -> None:
    for column in VALUES:
        with pytest.raises(CheckViolation, match=check_of(column)), filled.transaction():
            overwrite(filled, column, "undocumented")


def overwrite(database: Connection, column: str, value: str) -> int:
    table, name = column.split(".")
    # the checks alone speak: which step leads from one value to the next is a trigger's matter
    database.execute("set local session_replication_role = replica")
    statement = sql.SQL("update {} set {} = %s").format(sql.Identifier(table), sql.Identifier(name))
    return database.execute(statement, [value]).rowcount


def test_the_default_profiles_are_there(database: Connection) -> None:
    found = database.execute("select profile_name, provider, model from agent_settings order by id")

    assert found.fetchall() == [
        (profile, "anthropic", "claude-sonnet-4-20250514")
        for profile in ("pm", "arch", "eng", "qa")
    ]


def test_a_second_profile_of_the_same_name_is_refused(database: Connection) -> None:
    with pytest.raises(UniqueViolation, match="agent_settings_profile_name_key"):
        database.execute("insert into agent_settings (profile_name) values ('pm')")


def test_a_null_written_on_purpose_is_refused_where_a_default_stands(database: Connection) -> None:
    with pytest.raises(NotNullViolation, match="labels"):
        database.execute(
            "insert into metrics (metric_name, metric_value, labels) values ('runs', 1, null)"
        )


def test_deleting_a_session_takes_its_work_along_and_keeps_the_trail(filled: Connection) -> None:
    filled.execute("delete from sessions")

    found = filled.execute(
        "select (select count(*) from artifacts), (select count(*) from agent_executions),"
        " (select count(*) from audit_log)"
    )
    assert found.fetchone() == (0, 0, 1)


def test_a_session_that_is_over_is_not_active_and_the_last_changed_comes_first(
    database: Connection,
) -> None:
    database.execute(
        "insert into sessions (session_id, user_mission, status, updated_at) values"
        " ('first', 'm', 'pending', '2026-01-01'), ('second', 'm', 'running', '2026-01-03'),"
        " ('third', 'm', 'awaiting_approval', '2026-01-02'), ('done', 'm', 'completed', now()),"
        " ('broken', 'm', 'failed', now()), ('late', 'm', 'expired', now())"
    )

    active = database.execute("select session_id from active_sessions")

    assert active.fetchall() == [("second",), ("third",), ("first",)]


def test_session_metrics_count_and_average_each_status(database: Connection) -> None:
    database.execute(
        "insert into sessions (session_id, user_mission, status, iteration_count, qa_passed) values"
        " ('a', 'm', 'completed', 1, true), ('b', 'm', 'completed', 4, false),"
        " ('c', 'm', 'failed', 3, false)"
    )

    metrics = database.execute("select * from session_metrics order by status")

    assert metrics.fetchall() == [("completed", 2, 2.5, 1), ("failed", 1, 3, 0)]


def test_agent_performance_looks_back_seven_days(filled: Connection) -> None:
    filled.execute("update agent_executions set tokens_used = 5, duration_seconds = 1")
    filled.execute(
        "insert into agent_executions"
        " (session_id, agent_type, status, tokens_used, duration_seconds, started_at) values"
        " ('s1', 'pm', 'completed', 7, 2, now() - interval '6 days 23 hours'),"
        " ('s1', 'pm', 'completed', 100, 9, now() - interval '7 days 1 hour')"
    )

    performance = filled.execute("select * from agent_performance")

    assert performance.fetchall() == [("pm", 2, 1, 1.5, 12)]


def test_the_documented_triggers_have_their_names_and_function(database: Connection) -> None:
    found = database.execute(
        "select tgname, tgrelid::regclass::text, tgfoid::regproc::text"
        " from pg_trigger where not tgisinternal"
    )

    assert set(found) >= {
        ("update_sessions_updated_at", "sessions", "update_updated_at_column"),
        ("update_agent_settings_updated_at", "agent_settings", "update_updated_at_column"),
    }


@pytest.mark.parametrize("table", ["sessions", "agent_settings"])
def test_a_change_stamps_the_row_with_the_time_of_its_transaction(
    filled: Connection, table: str
) -> None:
    change = sql.SQL("update {} set updated_at = '2020-01-01'").format(sql.Identifier(table))

    filled.execute(change)

    stamped = sql.SQL("select distinct updated_at = now() from {}").format(sql.Identifier(table))
    assert filled.execute(stamped).fetchall() == [(True,)]


def test_a_new_day_resets_only_the_counts_of_earlier_days(database: Connection) -> None:
    database.execute("update agent_settings set usage_today = 3")
    database.execute(
        "update agent_settings set last_reset_date = current_date - 1 where profile_name = 'qa'"
    )

    database.execute("select reset_daily_usage()")

    found = database.execute(
        "select profile_name from agent_settings"
        " where usage_today = 0 and last_reset_date = current_date"
    )
    assert found.fetchall() == [("qa",)]


def test_the_ledger_begins_with_the_three_documented_columns(database: Connection) -> None:
    found = database.execute(
        "select column_name, data_type, column_default from information_schema.columns"
        " where table_name = 'schema_version' and ordinal_position <= 3 order by ordinal_position"
    )

    assert found.fetchall() == [
        ("version", "integer", None),
        ("applied_at", "timestamp with time zone", "CURRENT_TIMESTAMP"),
        ("description", "text", None),
    ]
