"""The catalog of mrwa against its document."""

from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors, sql

MIGRATIONS = Path(__file__).parents[3] / "migrations" / "mrwa"

# a column with a default is not null since 0008, where the document leaves it open
COLUMNS = {
    "users": """
        id uuid not null default gen_random_uuid()
        email character varying(255) not null
        password_hash character varying(255) not null
        name character varying(255)
        created_at timestamp without time zone not null default now()
        updated_at timestamp without time zone not null default now()
        last_login timestamp without time zone
        email_verified boolean not null default false
        metadata jsonb not null default '{}'::jsonb
        verification_token character varying(255)
        verification_token_expires timestamp without time zone
    """,
    "sessions": """
        id uuid not null default gen_random_uuid()
        user_id uuid
        refresh_token character varying(500) not null
        device_info jsonb
        ip_address inet
        user_agent text
        created_at timestamp without time zone not null default now()
        last_used_at timestamp without time zone not null default now()
        expires_at timestamp without time zone not null
        revoked boolean not null default false
    """,
    "executions": """
        id uuid not null default gen_random_uuid()
        user_id uuid
        input_type character varying(50) not null
        input_value text not null
        input_file_url text
        status character varying(50) not null default 'planned'::character varying
        plan jsonb
        current_step integer not null default 0
        created_at timestamp without time zone not null default now()
        started_at timestamp without time zone
        completed_at timestamp without time zone
        metadata jsonb not null default '{}'::jsonb
        error_message text
    """,
    "execution_logs": """
        id uuid not null default gen_random_uuid()
        execution_id uuid
        timestamp timestamp without time zone not null default now()
        level character varying(20) not null
        message text not null
        metadata jsonb
        step_id integer
    """,
    "artifacts": """
        id uuid not null default gen_random_uuid()
        execution_id uuid
        type character varying(50) not null
        name character varying(255)
        data jsonb
        file_url text
        file_size_bytes bigint
        mime_type character varying(100)
        verified boolean not null default false
        created_at timestamp without time zone not null default now()
    """,
}

# what came with the work on them: no documented column changed
ADDED_COLUMNS = {
    "sessions": """
        family_id uuid not null default gen_random_uuid()
        revoked_at timestamp without time zone
    """,
    "executions": """
        worker character varying(255)
        leased_until timestamp with time zone
        attempts integer not null default 0
        input_key character varying(64)
    """,
    "execution_logs": "added_in xid8 not null default pg_current_xact_id()",
}

KEYS = """
    users_pkey PRIMARY KEY (id)
    users_email_key UNIQUE (email)
    sessions_pkey PRIMARY KEY (id)
    sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
    sessions_refresh_token_key UNIQUE (refresh_token)
    executions_pkey PRIMARY KEY (id)
    executions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
    execution_logs_pkey PRIMARY KEY (id)
    execution_logs_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES executions(id) ON DELETE CASCADE
    artifacts_pkey PRIMARY KEY (id)
    artifacts_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES executions(id) ON DELETE CASCADE
"""  # noqa: E501 - one constraint a line, as the catalog prints it

INDEXES = """
    CREATE INDEX idx_users_email ON users USING btree (email)
    CREATE INDEX idx_users_created_at ON users USING btree (created_at)
    CREATE INDEX idx_users_verification_token ON users USING btree (verification_token) WHERE verification_token IS NOT NULL
    CREATE INDEX idx_sessions_user_id ON sessions USING btree (user_id)
    CREATE INDEX idx_sessions_refresh_token ON sessions USING btree (refresh_token)
    CREATE INDEX idx_sessions_expires_at ON sessions USING btree (expires_at)
    CREATE INDEX idx_executions_user_id ON executions USING btree (user_id)
    CREATE INDEX idx_executions_status ON executions USING btree (status)
    CREATE INDEX idx_executions_created_at ON executions USING btree (created_at)
    CREATE INDEX idx_executions_user_status ON executions USING btree (user_id, status)
    CREATE INDEX idx_executions_user_status_created ON executions USING btree (user_id, status, created_at DESC)
    CREATE INDEX idx_execution_logs_execution_id ON execution_logs USING btree (execution_id)
    CREATE INDEX idx_execution_logs_timestamp ON execution_logs USING btree ("timestamp")
    CREATE INDEX idx_artifacts_execution_id ON artifacts USING btree (execution_id)
    CREATE INDEX idx_artifacts_type ON artifacts USING btree (type)
"""  # noqa: E501 - one index a line, as the catalog prints it

ADDED_INDEXES = """
    CREATE INDEX idx_sessions_family_id ON sessions USING btree (family_id)
    CREATE INDEX idx_sessions_revoked ON sessions USING btree (COALESCE(revoked_at, created_at), id) WHERE revoked
    CREATE INDEX idx_executions_completed ON executions USING btree (completed_at, id) WHERE status::text = 'completed'::text
    CREATE INDEX idx_executions_cancelled ON executions USING btree (COALESCE(completed_at, created_at), id) WHERE status::text = 'cancelled'::text
    CREATE UNIQUE INDEX users_email_any_case_key ON users USING btree (lower(email::text))
    CREATE INDEX idx_executions_failed ON executions USING btree (COALESCE(completed_at, created_at), id) WHERE status::text = 'failed'::text
    CREATE INDEX idx_executions_leased ON executions USING btree (leased_until, id) WHERE status::text = ANY (ARRAY['running'::character varying, 'validating'::character varying, 'correcting'::character varying]::text[])
    CREATE INDEX idx_executions_planned ON executions USING btree (created_at, id) WHERE status::text = 'planned'::text
    CREATE INDEX idx_execution_logs_execution_added ON execution_logs USING btree (execution_id, added_in)
"""  # noqa: E501 - as above

VALUES: dict[LiteralString, list[str]] = {
    "insert into executions (input_type, input_value, status) values ('pdf', 'a.pdf', %s)": [
        "planned",
        "running",
        "validating",
        "correcting",
        "completed",
        "failed",
        "cancelled",
    ],
    "insert into execution_logs (message, level) values ('read', %s)": [
        "debug",
        "info",
        "warning",
        "error",
        "critical",
    ],
    "insert into artifacts (type) values (%s)": [
        "summary",
        "analysis",
        "documentation",
        "visualization",
        "data_export",
    ],
}


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.strip().splitlines()}


def add_execution(database: Connection, user: UUID) -> UUID:
    id_: UUID
    [(id_,)] = database.execute(
        "insert into executions (user_id, input_type, input_value) values (%s, 'pdf', 'a.pdf')"
        " returning id",
        [user],
    )
    return id_


@pytest.fixture
def application(database: Connection, ada: UUID, bob: UUID) -> Iterator[Connection]:
    """The application's session, not the owner's, after an execution of each user."""
    add_execution(database, ada)
    add_execution(database, bob)
    role = sql.Identifier(f"application_{uuid4().hex}")
    with database.transaction(force_rollback=True):
        database.execute(sql.SQL("create role {}").format(role))
        database.execute(sql.SQL("grant select, insert on executions to {}").format(role))
        database.execute(sql.SQL("set local role {}").format(role))
        yield database


@pytest.mark.parametrize("table", COLUMNS)
def test_a_table_has_the_documented_columns_and_after_them_those_that_were_added(
    database: Connection, table: str
) -> None:
    found = database.execute(
        """
        select concat_ws(
            ' ', attname, format_type(atttypid, atttypmod),
            case when attnotnull then 'not null' end, 'default ' || pg_get_expr(adbin, adrelid)
        )
        from pg_attribute
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid = %s::regclass and attnum > 0 and not attisdropped
        order by attnum
        """,
        [table],
    )

    expected = COLUMNS[table] + ADDED_COLUMNS.get(table, "")
    assert [line for (line,) in found] == [*filter(None, map(str.strip, expected.split("\n")))]


def test_keys_are_the_documented_ones_and_valid(database: Connection) -> None:
    found = database.execute(
        """
        select conname || ' ' || pg_get_constraintdef(oid)
        from pg_constraint
        where conrelid = any(%s::regclass[]) and contype in ('p', 'u', 'f')
        """,
        [list(COLUMNS)],
    )

    assert {line for (line,) in found} == lines(KEYS)


def test_indexes_are_the_documented_ones_and_those_that_were_added(database: Connection) -> None:
    found = database.execute(
        """
        select pg_get_indexdef(indexrelid, 0, true)
        from pg_index
        where
            indrelid = any(%s::regclass[])
            and indisvalid
            and not exists (select from pg_constraint where conindid = indexrelid)
        """,
        [list(COLUMNS)],
    )

    assert {line for (line,) in found} == lines(INDEXES) | lines(ADDED_INDEXES)


def test_only_the_closed_lists_are_checked_and_all_are_valid(database: Connection) -> None:
    found = database.execute(
        """
        select conname, convalidated
        from pg_constraint
        where conrelid = any(%s::regclass[]) and contype = 'c'
        order by conname
        """,
        [list(COLUMNS)],
    )

    assert found.fetchall() == [
        ("artifacts_type_check", True),
        ("execution_logs_level_check", True),
        ("executions_status_check", True),
    ]


@pytest.mark.parametrize(
    ("insert", "value"), [(insert, value) for insert in VALUES for value in VALUES[insert]]
)
def test_a_documented_value_is_stored(
    database: Connection, insert: LiteralString, value: str
) -> None:
    assert database.execute(insert, [value]).rowcount == 1


@pytest.mark.parametrize("insert", VALUES)
def test_another_value_is_refused(database: Connection, insert: LiteralString) -> None:
    with pytest.raises(errors.CheckViolation, match=r"(status|level|type)_check"):
        database.execute(insert, ["sketch"])


def test_a_user_gets_a_random_id(ada: UUID) -> None:
    assert ada.version == 4


def test_nulls_from_before_the_last_migrations_become_the_defaults(database: Connection) -> None:
    database.execute((MIGRATIONS / "0008_set_not_null.rollback.sql").read_bytes())
    database.execute((MIGRATIONS / "0007_forbid_nulls.rollback.sql").read_bytes())
    database.execute(
        """
        insert into users (email, password_hash, created_at, updated_at, email_verified, metadata)
        values ('ada@example.org', 'x', null, null, null, null);
        insert into sessions (refresh_token, expires_at, created_at, last_used_at, revoked)
        values ('token', now(), null, null, null);
        insert into executions (input_type, input_value, current_step, created_at, metadata)
        values ('pdf', 'a.pdf', null, null, null);
        insert into execution_logs (level, message, timestamp) values ('info', 'read', null);
        insert into artifacts (type, verified, created_at) values ('summary', null, null);
        """
    )

    database.execute((MIGRATIONS / "0007_forbid_nulls.sql").read_bytes())
    database.execute((MIGRATIONS / "0008_set_not_null.sql").read_bytes())

    filled = database.execute(
        """
        select users.metadata, email_verified, revoked, current_step, executions.metadata, verified
        from users, sessions, executions, execution_logs, artifacts
        """
    ).fetchall()
    assert filled == [({}, False, False, 0, {}, False)]


def test_two_users_of_one_address_from_before_are_named(database: Connection) -> None:
    database.execute((MIGRATIONS / "0020_keep_one_address.rollback.sql").read_bytes())
    for email in ("A@X.de", "a@x.de", "b@x.de"):
        database.execute("insert into users (email, password_hash) values (%s, 'x')", [email])

    with pytest.raises(errors.UniqueViolation) as refused:
        database.execute((MIGRATIONS / "0020_keep_one_address.sql").read_bytes())

    named = refused.value.diag.message_primary or ""
    assert named.startswith("several users have one address: ")
    assert {*named.partition(": ")[2].split(" and ")} == {"A@X.de", "a@x.de"}


def test_an_email_is_taken_once(database: Connection, ada: UUID) -> None:
    with pytest.raises(errors.UniqueViolation, match="users_email_key"):
        database.execute(
            "insert into users (email, password_hash) select email, 'x' from users where id = %s",
            [ada],
        )


@pytest.mark.usefixtures("bob")
def test_an_update_moves_the_updated_at_of_that_user_alone(database: Connection, ada: UUID) -> None:
    database.execute("update users set name = 'Ada' where id = %s", [ada])

    moved = database.execute("select id from users where updated_at = now()").fetchall()
    assert moved == [(ada,)]


def test_an_updated_at_given_by_hand_gives_way_to_the_time_of_the_update(
    database: Connection, ada: UUID
) -> None:
    database.execute("update users set updated_at = '1999-01-01' where id = %s", [ada])

    [(is_now,)] = database.execute("select updated_at = now() from users where id = %s", [ada])
    assert is_now


def test_a_user_takes_everything_along(database: Connection, ada: UUID) -> None:
    execution = add_execution(database, ada)
    database.execute(
        "insert into sessions (user_id, refresh_token, expires_at) values (%s, 'token', now())",
        [ada],
    )
    database.execute(
        "insert into execution_logs (execution_id, level, message) values (%s, 'info', 'read')",
        [execution],
    )
    database.execute(
        "insert into artifacts (execution_id, type) values (%s, 'summary')", [execution]
    )

    database.execute("delete from users where id = %s", [ada])

    [(left,)] = database.execute(
        "select (select count(*) from sessions) + (select count(*) from executions)"
        " + (select count(*) from execution_logs) + (select count(*) from artifacts)"
    )
    assert left == 0


def test_the_policy_is_the_documented_one_and_in_force(database: Connection) -> None:
    policies = database.execute(
        "select policyname, cmd, qual, with_check from pg_policies where tablename = 'executions'"
    ).fetchall()
    [(enabled,)] = database.execute(
        "select relrowsecurity from pg_class where oid = 'executions'::regclass"
    )

    condition = "(user_id = (current_setting('app.user_id'::text))::uuid)"
    assert policies == [("executions_user_isolation", "ALL", condition, None)]
    assert enabled


def test_a_user_sees_only_the_executions_of_that_user(application: Connection, ada: UUID) -> None:
    application.execute("select set_config('app.user_id', %s, true)", [str(ada)])

    seen = application.execute("select user_id from executions").fetchall()

    assert seen == [(ada,)]


def test_an_execution_for_someone_else_is_refused(
    application: Connection, ada: UUID, bob: UUID
) -> None:
    application.execute("select set_config('app.user_id', %s, true)", [str(ada)])

    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        add_execution(application, bob)


def test_a_session_without_a_user_gets_an_error_and_not_an_empty_list(
    application: Connection,
) -> None:
    with pytest.raises(errors.UndefinedObject, match=r"app\.user_id"):
        application.execute("select user_id from executions")
