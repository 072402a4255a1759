"""The queries of the document, word for word, beside ours on the same data."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import dict_row

from dbkit.systems.mrwa import executions, sessions

RECENT = """
SELECT * FROM executions
WHERE user_id = $1
ORDER BY created_at DESC
LIMIT 20;
"""
DETAILS = """
SELECT
    e.*,
    json_agg(el ORDER BY el.timestamp) as logs,
    json_agg(a) as artifacts
FROM executions e
LEFT JOIN execution_logs el ON e.id = el.execution_id
LEFT JOIN artifacts a ON e.id = a.execution_id
WHERE e.id = $1
GROUP BY e.id;
"""
STATISTICS = """
SELECT
    COUNT(*) as total_executions,
    COUNT(*) FILTER (WHERE status = 'completed') as successful,
    COUNT(*) FILTER (WHERE status = 'failed') as failed,
    AVG(EXTRACT(EPOCH FROM (completed_at - started_at))) as avg_duration_sec
FROM executions
WHERE user_id = $1;
"""
CLEAN_UP = """
DELETE FROM sessions
WHERE expires_at < NOW() OR revoked = TRUE;
"""
ACTIVE = """
SELECT * FROM executions
WHERE status IN ('running', 'validating', 'correcting')
AND started_at > NOW() - INTERVAL '1 hour';
"""


@pytest.fixture
def filled(database: Connection, ada: UUID, bob: UUID) -> Connection:
    """A database with 40 executions in all states, the first of them with logs and artifacts."""
    database.execute(
        """
        insert into executions
            (user_id, input_type, input_value, status, plan, created_at, started_at, completed_at)
        select
            case when number %% 4 = 0 then %(bob)s else %(ada)s end, 'pdf', number::text,
            (array[
                'planned', 'running', 'validating', 'correcting', 'completed', 'failed', 'cancelled'
            ])[1 + number %% 7],
            '{"steps": []}', now() - number * interval '1 minute',
            now() - number * interval '3 minutes',
            case when number %% 7 > 3 then now() - number * interval '2 minutes' end
        from generate_series(1, 40) as number
        """,
        {"ada": ada, "bob": bob},
    )
    database.execute(
        """
        insert into execution_logs (execution_id, level, message, metadata, step_id, timestamp)
        select id, 'info', number::text, '{"of": 1}', number, now() + number * interval '1 second'
        from executions, generate_series(1, 3) as number
        where input_value = '1';
        insert into artifacts (execution_id, type, name, data)
        select id, 'summary', 'the only one', '{"pages": 3}'
        from executions
        where input_value = '1';
        """
    )
    return database


def documented(database: Connection, text: str, *values: object) -> list[dict[str, Any]]:
    """Run a text of the document as it stands."""
    names = "".join(f"{value}" for value in values)
    with database.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(text.replace("$1", f"'{names}'").encode()).fetchall()


def ours(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [{part.name: getattr(row, part.name) for part in fields(row)} for row in rows]


def test_the_recent_executions_are_the_documented_rows_with_every_column(
    filled: Connection, ada: UUID
) -> None:
    rows = documented(filled, RECENT, ada)

    assert len(rows) == 20
    assert ours(executions.list_for_user(filled, user_id=ada)) == rows


def test_the_active_executions_are_the_documented_rows_with_every_column(
    filled: Connection,
) -> None:
    rows = documented(filled, ACTIVE)

    def by_start(row: dict[str, Any]) -> datetime:
        started: datetime = row["started_at"]
        return started

    assert rows
    assert ours(executions.list_active(filled)) == sorted(rows, key=by_start)


def test_the_statistics_are_the_documented_ones(filled: Connection, ada: UUID) -> None:
    found = executions.get_statistics(filled, user_id=ada)

    assert ours([found]) == documented(filled, STATISTICS, ada)


def test_the_details_are_the_documented_ones_but_for_what_is_stated(filled: Connection) -> None:
    [(execution,)] = filled.execute("select id from executions where input_value = '1'")
    [row] = documented(filled, DETAILS, execution)

    found = executions.find_with_details(filled, execution_id=execution)

    # stated in coverage.md: added_in is left out, and each artifact comes once
    logs = [{key: log[key] for key in log if key != "added_in"} for log in row.pop("logs")]
    artifacts = row.pop("artifacts")
    [mine] = ours([found])
    assert as_json(mine.pop("logs")) == logs
    assert as_json(mine.pop("artifacts")) == artifacts[:1]
    assert artifacts == artifacts[:1] * 3
    assert mine == row


def as_json(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            name: str(value)
            if isinstance(value, UUID)
            else json_time(value)
            if isinstance(value, datetime)
            else value
            for name, value in row.items()
        }
        for row in ours(rows)
    ]


def json_time(value: datetime) -> str:
    """Write a time as PostgreSQL does in JSON: no zeros at the end of a fraction."""
    text = value.isoformat()
    return text.rstrip("0") if value.microsecond else text


def test_the_same_sessions_are_cleaned_up(database: Connection) -> None:
    insert = "insert into sessions (refresh_token, expires_at, revoked) values (%s, now() + %s, %s)"
    for number in range(8):
        age = timedelta(hours=1 if number % 2 else -1)
        database.execute(insert, [str(number), age, number % 4 > 1])

    def left() -> list[tuple[str]]:
        return database.execute("select refresh_token from sessions order by 1").fetchall()

    with database.transaction(force_rollback=True):
        removed = database.execute(CLEAN_UP.encode()).rowcount
        documented_left = left()

    assert sessions.remove_expired(database) == removed == 6
    assert left() == documented_left
