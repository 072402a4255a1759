"""The documented queries of myloware on a few rows."""

from datetime import UTC, datetime, timedelta

import pytest
from psycopg import Connection
from psycopg.types.json import Json

from tests.queries_by_name import Queries, add

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def queries(database: Connection) -> Queries:
    return Queries("myloware", database)


@pytest.fixture
def runs(database: Connection) -> None:
    """Two runs of one instant, an older one of another project, a newer one that failed."""
    for run_id, project, status, at in (
        ("b", "aismr", "running", NOON),
        ("a", "aismr", "running", NOON),
        ("old", "test_video_gen", "running", NOON - timedelta(days=1)),
        ("new", "aismr", "failed", NOON + timedelta(days=1)),
    ):
        add(database, "runs", run_id=run_id, project=project, status=status, created_at=at)


def add_event(database: Connection, key: str, **values: object) -> None:
    row = {"provider": "kieai", "headers": Json({"key": key}), "payload": b"{}", **values}
    add(database, "webhook_events", idempotency_key=key, **row)


def add_failed(database: Connection, key: str, **values: object) -> None:
    row = {"provider": "kieai", "headers": Json({}), "payload": b"{}", "error": "timeout", **values}
    add(database, "webhook_dlq", idempotency_key=key, **row)


@pytest.mark.usefixtures("runs")
def test_runs_come_newest_first_and_those_of_one_instant_by_id(queries: Queries) -> None:
    recent = queries("runs.list_recent")

    assert [run.run_id for run in recent] == ["new", "a", "b", "old"]


@pytest.mark.usefixtures("runs")
def test_runs_can_be_those_of_a_project_in_a_status(queries: Queries) -> None:
    of_project = queries("runs.list_recent", project="test_video_gen")
    in_status = queries("runs.list_recent", status="failed")
    of_both = queries("runs.list_recent", project="aismr", status="running", max_runs=1)

    assert [run.run_id for run in of_project] == ["old"]
    assert [run.run_id for run in in_status] == ["new"]
    assert [run.run_id for run in of_both] == ["a"]


def test_twenty_runs_come_where_no_number_is_given(database: Connection, queries: Queries) -> None:
    database.execute(
        "insert into runs (run_id, project, status) "
        "select 'run ' || number, 'aismr', 'running' from generate_series(1, 21) as number"
    )

    assert len(queries("runs.list_recent")) == 20
    assert len(queries("runs.list_recent", max_runs=21)) == 21


@pytest.mark.usefixtures("runs")
def test_runs_are_counted_by_status(queries: Queries) -> None:
    assert queries("runs.count_by_status") == [("failed", 1), ("running", 3)]


@pytest.mark.usefixtures("runs")
def test_a_runs_artifacts_come_oldest_first(database: Connection, queries: Queries) -> None:
    add(database, "artifacts", run_id="a", type="clip", created_at=NOON)
    add(database, "artifacts", run_id="a", type="idea", created_at=NOON - timedelta(hours=1))
    add(database, "artifacts", run_id="b", type="script", created_at=NOON)

    left_behind = queries("artifacts.list_for_run", run_id="a")

    assert [artifact.type for artifact in left_behind] == ["idea", "clip"]
    assert left_behind[0].metadata == {}


@pytest.mark.usefixtures("runs")
def test_a_personas_artifacts_are_of_any_run_and_newest_first(
    database: Connection, queries: Queries
) -> None:
    add(database, "artifacts", run_id="a", type="idea", persona="iggy", created_at=NOON)
    add(database, "artifacts", run_id="b", type="script", persona="riley", created_at=NOON)
    later = NOON + timedelta(hours=1)
    add(database, "artifacts", run_id="b", type="clip", persona="iggy", created_at=later)

    made = queries("artifacts.list_for_persona", persona="iggy")

    assert made == [("b", "clip", None, later), ("a", "idea", None, NOON)]


def test_recent_webhooks_have_any_signature_and_come_newest_first(
    database: Connection, queries: Queries
) -> None:
    add_event(database, "1", signature_status="valid", received_at=NOON)
    add_event(
        database, "2", signature_status="missing", received_at=NOON + timedelta(1), provider="x"
    )

    recent = queries("webhook_events.list_recent")

    assert recent == [("x", "missing", NOON + timedelta(1)), ("kieai", "valid", NOON)]


def test_a_webhook_with_a_missing_signature_is_not_valid(
    database: Connection, queries: Queries
) -> None:
    add_event(database, "good", signature_status="valid", received_at=NOON)
    add_event(database, "forged", signature_status="invalid", received_at=NOON)
    add_event(database, "bare", signature_status="missing", received_at=NOON + timedelta(1))

    not_valid = queries("webhook_events.list_not_valid")

    assert [event.headers for event in not_valid] == [{"key": "bare"}, {"key": "forged"}]


def test_a_failed_webhook_without_a_time_is_due_and_one_of_the_future_is_not(
    database: Connection, queries: Queries
) -> None:
    now = datetime.now(UTC)
    add_failed(database, "later", next_retry_at=now + timedelta(hours=1))
    add_failed(database, "past", next_retry_at=now - timedelta(hours=1), created_at=NOON)
    add_failed(database, "ready", next_retry_at=None, created_at=NOON - timedelta(1), provider="x")

    due = queries("webhook_dlq.list_due")

    assert [(entry.provider, entry.retry_count) for entry in due] == [("x", 0), ("kieai", 0)]
    assert due[0].next_retry_at is None


def test_the_most_common_error_comes_first_and_each_provider_has_its_own(
    database: Connection, queries: Queries
) -> None:
    add_failed(database, "1")
    add_failed(database, "2", error="unreachable")
    add_failed(database, "3", error="unreachable")
    add_failed(database, "4", provider="upload-post")

    errors = queries("webhook_dlq.list_common_errors")

    assert errors == [
        ("kieai", "unreachable", 2),
        ("kieai", "timeout", 1),
        ("upload-post", "timeout", 1),
    ]


@pytest.mark.usefixtures("runs")
def test_approvals_come_newest_first(database: Connection, queries: Queries) -> None:
    add(database, "hitl_approvals", run_id="a", gate="ideate", created_at=NOON)
    later = NOON + timedelta(minutes=1)
    add(database, "hitl_approvals", run_id="a", gate="prepublish", approver="ada", created_at=later)

    recent = queries("hitl_approvals.list_recent")

    assert recent == [("a", "prepublish", "ada", later), ("a", "ideate", None, NOON)]
