"""The documented queries of mrwa on a few rows."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Json

from tests.conftest import ROOT
from tests.queries_by_name import Queries, add

RETENTION = ROOT / "sql" / "mrwa" / "retention"
NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - the document's columns have no time zone


@pytest.fixture
def queries(database: Connection) -> Queries:
    return Queries("mrwa", database)


@pytest.fixture
def user(database: Connection) -> UUID:
    """A user whose rows are asked for."""
    return add_user(database, "ada@example.org")


@pytest.fixture
def now(database: Connection) -> datetime:
    """The time of the test's transaction, as the document's columns keep it."""
    row = database.execute("select localtimestamp").fetchone()
    assert row
    instant: datetime = row[0]
    return instant


def add_user(database: Connection, email: str) -> UUID:
    user_id: UUID = add(database, "users", email=email, password_hash="x")  # noqa: S106 - no password
    return user_id


def add_execution(database: Connection, user: UUID, **values: object) -> UUID:
    row = {"user_id": user, "input_type": "pdf", "input_value": "a.pdf", **values}
    execution_id: UUID = add(database, "executions", **row)
    return execution_id


def add_log(database: Connection, execution: UUID, message: str, at: datetime) -> None:
    row = {"level": "info", "message": message, "timestamp": at}
    add(database, "execution_logs", execution_id=execution, **row)


def add_session(database: Connection, token: str, **values: object) -> None:
    add(database, "sessions", refresh_token=token, **values)


def left(database: Connection, query: str) -> set[str]:
    return {row[0] for row in database.execute(query.encode())}


def test_a_users_executions_come_newest_first_and_those_of_one_instant_by_id(
    database: Connection, queries: Queries, user: UUID
) -> None:
    same = sorted(add_execution(database, user, created_at=NOON) for _ in range(3))
    new = add_execution(database, user, created_at=NOON + timedelta(1))
    add_execution(database, add_user(database, "bob@example.org"), created_at=NOON)

    listed = queries("executions.list_for_user", user_id=user)

    assert [execution.id for execution in listed] == [new, *same]


def test_a_users_executions_can_be_those_in_one_status(
    database: Connection, queries: Queries, user: UUID
) -> None:
    failed = add_execution(database, user, status="failed")
    add_execution(database, user)

    listed = queries("executions.list_for_user", user_id=user, status="failed")

    assert [execution.id for execution in listed] == [failed]


def test_twenty_executions_come_where_no_number_is_given(
    database: Connection, queries: Queries, user: UUID
) -> None:
    for _ in range(21):
        add_execution(database, user)

    assert len(queries("executions.list_for_user", user_id=user)) == 20
    assert len(queries("executions.list_for_user", user_id=user, max_executions=21)) == 21


def test_each_log_and_each_artifact_of_an_execution_appears_once(
    database: Connection, queries: Queries, user: UUID
) -> None:
    execution, other = add_execution(database, user), add_execution(database, user)
    for message, second in (("third", 3), ("first", 1), ("second", 2)):
        add_log(database, execution, message, NOON + timedelta(seconds=second))
    for name, second in (("late", 2), ("early", 1)):
        row = {"type": "summary", "data": Json({"of": name}), "file_size_bytes": 2**40}
        at = NOON + timedelta(seconds=second)
        add(database, "artifacts", execution_id=execution, name=name, created_at=at, **row)
    add_log(database, other, "not of it", NOON)

    found = queries("executions.find_with_details", execution_id=execution)

    assert [log.message for log in found.logs] == ["first", "second", "third"]
    assert found.logs[0].timestamp == NOON + timedelta(seconds=1)
    assert [(one.name, one.data, one.file_size_bytes) for one in found.artifacts] == [
        ("early", {"of": "early"}, 2**40),
        ("late", {"of": "late"}, 2**40),
    ]


def test_an_execution_without_details_has_empty_lists(
    database: Connection, queries: Queries, user: UUID
) -> None:
    execution = add_execution(database, user)

    found = queries("executions.find_with_details", execution_id=execution)

    assert (found.user_id, found.logs, found.artifacts) == (user, [], [])
    assert queries("executions.find_with_details", execution_id=uuid4()) is None


def test_statistics_are_of_one_user(database: Connection, queries: Queries, user: UUID) -> None:
    for status, seconds in (("completed", 10), ("completed", 20), ("failed", 3)):
        ends = {"started_at": NOON, "completed_at": NOON + timedelta(seconds=seconds)}
        add_execution(database, user, status=status, **ends)
    add_execution(database, user, status="running", started_at=NOON)
    add_execution(database, add_user(database, "bob@example.org"), status="failed")

    assert queries("executions.get_statistics", user_id=user) == (4, 2, 1, Decimal(11))


def test_a_user_without_executions_has_no_average(queries: Queries, user: UUID) -> None:
    assert queries("executions.get_statistics", user_id=user) == (0, 0, 0, None)


def test_an_execution_at_work_for_less_than_an_hour_is_active(
    database: Connection, queries: Queries, user: UUID, now: datetime
) -> None:
    active = [
        add_execution(database, user, status=status, started_at=now - timedelta(minutes=minutes))
        for status, minutes in (("running", 59), ("validating", 20), ("correcting", 10))
    ]
    add_execution(database, user, status="running", started_at=now - timedelta(minutes=61))
    add_execution(database, user, status="cancelled", started_at=now)
    add_execution(database, user, status="planned")

    listed = queries("executions.list_active")

    assert [execution.id for execution in listed] == active


def test_expired_and_revoked_sessions_are_removed(
    database: Connection, queries: Queries, now: datetime
) -> None:
    tomorrow, yesterday = now + timedelta(1), now - timedelta(1)
    add_session(database, "good", expires_at=tomorrow)
    add_session(database, "expired", expires_at=yesterday)
    add_session(database, "revoked", expires_at=tomorrow, revoked=True)

    assert queries("sessions.remove_expired") == 2

    assert left(database, "select refresh_token from sessions") == {"good"}


def test_logs_are_kept_for_thirty_days(
    database: Connection, queries: Queries, user: UUID, now: datetime
) -> None:
    execution = add_execution(database, user)
    for message, days in (("fresh", 29), ("old", 31), ("older", 32)):
        add_log(database, execution, message, now - timedelta(days=days))

    assert queries("retention.remove_old_logs") == 2

    assert left(database, "select message from execution_logs") == {"fresh"}


def test_retention_goes_by_batches_of_the_oldest_until_none_is_left(
    database: Connection, queries: Queries, user: UUID, now: datetime
) -> None:
    execution = add_execution(database, user)
    for days in (40, 31, 50):
        add_log(database, execution, f"{days} days", now - timedelta(days=days))

    assert queries("retention.remove_old_logs", max_rows=2) == 2

    assert left(database, "select message from execution_logs") == {"31 days"}
    assert queries("retention.remove_old_logs", max_rows=2) == 1
    assert queries("retention.remove_old_logs", max_rows=2) == 0


def test_completed_executions_are_kept_for_ninety_days_and_take_their_logs_along(
    database: Connection, queries: Queries, user: UUID, now: datetime
) -> None:
    long_ago = {"created_at": now - timedelta(days=200), "input_value": "kept"}
    ended = {"completed_at": now - timedelta(days=91)}
    old = add_execution(database, user, status="completed", **ended)
    add_log(database, old, "done", now)
    add_execution(database, user, status="completed", completed_at=now - timedelta(89), **long_ago)
    add_execution(database, user, status="cancelled", **ended, **long_ago)
    add_execution(database, user, status="running", **long_ago)

    assert queries("retention.remove_completed_executions") == 1

    assert left(database, "select input_value from executions") == {"kept"}
    assert left(database, "select message from execution_logs") == set()


def test_failed_executions_are_kept_for_thirty_days_from_their_end_or_their_creation(
    database: Connection, queries: Queries, user: UUID, now: datetime
) -> None:
    old, fresh = now - timedelta(days=31), now - timedelta(days=29)
    kept = {"status": "failed", "input_value": "kept"}
    add_execution(database, user, status="failed", created_at=old, completed_at=old)
    add_execution(database, user, status="failed", created_at=old)
    add_execution(database, user, **kept, created_at=old, completed_at=fresh)
    add_execution(database, user, **kept, created_at=fresh)
    add_execution(database, user, created_at=old, completed_at=old, input_value="not failed")

    assert queries("retention.remove_failed_executions") == 2

    assert left(database, "select input_value from executions") == {"kept", "not failed"}


def test_revoked_sessions_are_kept_for_seven_days(
    database: Connection, queries: Queries, now: datetime
) -> None:
    old, fresh = now - timedelta(days=8), now - timedelta(days=6)
    add_session(database, "old", expires_at=now, revoked=True, created_at=old)
    add_session(database, "fresh", expires_at=now, revoked=True, created_at=fresh)
    add_session(database, "not revoked", expires_at=now, created_at=old)

    assert queries("retention.remove_revoked_sessions") == 1

    assert left(database, "select refresh_token from sessions") == {"fresh", "not revoked"}


def test_cancelled_executions_are_kept_for_thirty_days_from_their_end_or_their_creation(
    database: Connection, queries: Queries, user: UUID, now: datetime
) -> None:
    old, fresh = now - timedelta(days=31), now - timedelta(days=29)
    add_execution(database, user, status="cancelled", created_at=old)
    add_execution(database, user, status="cancelled", completed_at=fresh, input_value="kept")
    add_execution(database, user, status="completed", completed_at=old, input_value="not cancelled")

    assert queries("retention.remove_cancelled_executions") == 1

    assert left(database, "select input_value from executions") == {"kept", "not cancelled"}


def test_expired_sessions_are_not_kept_unless_they_were_revoked(
    database: Connection, queries: Queries, now: datetime
) -> None:
    past, future = now - timedelta(seconds=1), now + timedelta(days=1)
    add_session(database, "expired", expires_at=past)
    add_session(database, "revoked", expires_at=past, revoked=True)
    add_session(database, "good", expires_at=future)

    assert queries("retention.remove_expired_sessions") == 1

    assert left(database, "select refresh_token from sessions") == {"revoked", "good"}


@pytest.mark.parametrize("query", sorted(path.stem for path in RETENTION.glob("*.sql")))
def test_a_prune_passes_by_what_another_one_has(
    database: Connection, queries: Queries, user: UUID, now: datetime, query: str
) -> None:
    old = now - timedelta(days=100)
    for status in ("completed", "failed", "cancelled"):
        add_execution(database, user, status=status, completed_at=old, created_at=old)
    add_log(database, add_execution(database, user), "old", old)
    add_session(database, "expired", expires_at=old)
    add_session(database, "revoked", expires_at=old, revoked=True, created_at=old)
    database.commit()
    removed = queries(f"retention.{query}")

    with psycopg.connect(database.info.dsn) as other:
        other.execute("set lock_timeout = '5s'")
        assert removed == 1
        assert Queries("mrwa", other)(f"retention.{query}") == 0


def test_the_largest_table_comes_first_with_its_size(
    database: Connection, queries: Queries
) -> None:
    database.execute(
        "create table \"Large one\" as select repeat('x', 100) from generate_series(1, 9999)"
    )
    tables = left(database, "select tablename from pg_tables where schemaname = 'public'")

    sizes = queries("monitoring.list_table_sizes")

    assert sizes[0].tablename == "Large one"
    assert sizes[0].size.endswith(" kB")
    assert {table.tablename for table in sizes} == tables


def test_every_index_is_told_with_its_scans_and_the_unused_come_first(
    database: Connection, queries: Queries
) -> None:
    indexes = left(database, "select indexname from pg_indexes where schemaname <> 'pg_catalog'")
    database.execute("set enable_seqscan = off")
    database.execute("select from artifacts where id = '00000000-0000-0000-0000-000000000000'")
    database.execute("select pg_stat_force_next_flush()")
    database.commit()

    usage = queries("monitoring.list_index_usage")

    assert {index.indexname for index in usage} == indexes
    assert (usage[-1].tablename, usage[-1].indexname) == ("artifacts", "artifacts_pkey")
    assert usage[0].index_scans == 0 < usage[-1].index_scans


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("remove_completed_executions", "idx_executions_completed"),
        ("remove_failed_executions", "idx_executions_failed"),
        ("remove_cancelled_executions", "idx_executions_cancelled"),
        ("remove_expired_sessions", "idx_sessions_expires_at"),
        ("remove_old_logs", "idx_execution_logs_timestamp"),
        ("remove_revoked_sessions", "idx_sessions_revoked"),
    ],
)
def test_a_batch_of_retention_is_found_by_an_index_without_sorting_all(
    database: Connection, user: UUID, query: str, index: str
) -> None:
    database.execute(
        """
        insert into executions (user_id, input_type, input_value, status, completed_at)
        select
            %(user)s, 'pdf', '',
            (array['completed', 'failed', 'planned', 'cancelled'])[1 + number %% 4],
            now() - number * interval '1 hour'
        from generate_series(1, 20000) as number
        """,
        {"user": user},
    )
    database.execute(
        """
        insert into execution_logs (level, message, timestamp)
        select 'info', 'done', now() - number * interval '1 hour'
        from generate_series(1, 20000) as number
        """
    )
    database.execute(
        """
        insert into sessions (refresh_token, expires_at, revoked, created_at)
        select
            number, now() - number * interval '1 minute', number % 2 = 0,
            now() - number * interval '1 hour'
        from generate_series(1, 20000) as number
        """
    )
    database.execute("analyze")
    text = (ROOT / "sql" / "mrwa" / "retention" / f"{query}.sql").read_text()
    statement = text[text.index("delete") :].replace(":'max_rows'", "100")

    plan = "\n".join(row[0] for row in database.execute(f"explain {statement}".encode()))

    assert f"using {index}" in plan
    assert not re.search(r"^\s*->\s+Sort", plan, re.MULTILINE)
