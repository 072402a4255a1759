"""The queries of the document, word for word, beside ours on the same data."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, fields
from functools import partial
from typing import Any

import pytest
from psycopg import Connection

from dbkit.systems.myloware import artifacts, hitl_approvals, runs, webhook_dlq, webhook_events

Ours = Callable[[Connection], Sequence[Any]]

DOCUMENTED: dict[str, tuple[Ours, str]] = {
    "most recent runs": (
        runs.list_recent,
        """
        SELECT run_id, project, status, created_at, updated_at
        FROM runs
        ORDER BY created_at DESC
        LIMIT 20;
        """,
    ),
    "count by status": (
        runs.count_by_status,
        """
        SELECT status, COUNT(*) AS count
        FROM runs
        GROUP BY status;
        """,
    ),
    "all artifacts for a run": (
        partial(artifacts.list_for_run, run_id="run_abc123"),
        """
        SELECT type, provider, url, metadata, created_at
        FROM artifacts
        WHERE run_id = 'run_abc123'
        ORDER BY created_at ASC;
        """,
    ),
    "persona-specific artifacts": (
        partial(artifacts.list_for_persona, persona="iggy"),
        """
        SELECT run_id, type, url, created_at
        FROM artifacts
        WHERE persona = 'iggy'
        ORDER BY created_at DESC
        LIMIT 20;
        """,
    ),
    "recent webhook events": (
        webhook_events.list_recent,
        """
        SELECT provider, signature_status, received_at
        FROM webhook_events
        ORDER BY received_at DESC
        LIMIT 50;
        """,
    ),
    "events with invalid signatures": (
        webhook_events.list_not_valid,
        """
        SELECT provider, headers, received_at
        FROM webhook_events
        WHERE signature_status <> 'valid'
        ORDER BY received_at DESC
        LIMIT 20;
        """,
    ),
    "entries due for replay": (
        webhook_dlq.list_due,
        """
        SELECT id, provider, retry_count, next_retry_at
        FROM webhook_dlq
        WHERE next_retry_at IS NULL OR next_retry_at <= NOW()
        ORDER BY created_at ASC
        LIMIT 50;
        """,
    ),
    "the most common DLQ errors": (
        webhook_dlq.list_common_errors,
        """
        SELECT provider, error, COUNT(*) AS occurrences
        FROM webhook_dlq
        GROUP BY provider, error
        ORDER BY occurrences DESC
        LIMIT 20;
        """,
    ),
    "approvals": (
        hitl_approvals.list_recent,
        """
        SELECT run_id, gate, approver, created_at
        FROM hitl_approvals
        ORDER BY created_at DESC
        LIMIT 20;
        """,
    ),
}
# more rows than any limit, each of its own time; no two errors are equally common
FILL = """
    insert into runs (run_id, project, status, created_at)
    select
        case number when 7 then 'run_abc123' else 'run_' || number end,
        (array['aismr', 'test_video_gen'])[number % 2 + 1],
        (array['running', 'failed', 'published', 'rendering'])[number % 4 + 1],
        now() - number * interval '1 hour'
    from generate_series(1, 130) as number;
    insert into artifacts (run_id, type, provider, url, persona, metadata, created_at)
    select
        case when number % 3 = 0 then 'run_abc123' else 'run_1' end, 'clip', 'shotstack',
        'https://example.org/' || number, (array['iggy', 'riley'])[number % 2 + 1],
        jsonb_build_object('number', number), now() - number * interval '1 hour'
    from generate_series(1, 130) as number;
    insert into webhook_events
        (idempotency_key, provider, headers, payload, signature_status, received_at)
    select
        number, 'kieai', jsonb_build_object('number', number), '',
        (array['valid', 'invalid', 'missing'])[number % 3 + 1], now() - number * interval '1 hour'
    from generate_series(1, 130) as number;
    insert into webhook_dlq
        (idempotency_key, provider, headers, payload, error, next_retry_at, created_at)
    select
        number, 'kieai', '{}', '', 'error ' || floor(sqrt(number)),
        case number % 4 when 0 then null else now() + (number % 2 - 0.5) * interval '1 hour' end,
        now() - number * interval '1 hour'
    from generate_series(1, 130) as number;
    insert into hitl_approvals (run_id, gate, approver, created_at)
    select 'run_' || number, 'ideate', 'ada', now() - number * interval '1 hour'
    from generate_series(10, 130) as number;
"""


@pytest.fixture
def filled(database: Connection) -> Connection:
    """A database with more of everything than a query gives."""
    database.execute(FILL)
    return database


@pytest.mark.parametrize("name", DOCUMENTED)
def test_ours_gives_the_same_columns_and_rows_in_the_same_order(
    filled: Connection, name: str
) -> None:
    ours, text = DOCUMENTED[name]

    rows = ours(filled)
    theirs = filled.execute(text.encode())

    assert theirs.description is not None
    assert [field.name for field in fields(rows[0])] == [one.name for one in theirs.description]
    expected = theirs.fetchall()
    if "ORDER BY" not in text:
        # the document does not say in which order
        expected.sort()
    assert [astuple(row) for row in rows] == expected
    assert len(expected) > 3
