"""Webhooks that nobody needs any more are removed, by any number of prunes at once."""

from datetime import UTC, datetime, timedelta

import pytest
from psycopg import Connection
from psycopg.types.json import Json

from dbkit.systems.myloware import retention, webhook_dlq
from tests.queries_by_name import add
from tests.systems.myloware.conftest import Crowd


def add_event(database: Connection, key: str, days: int, signature_status: str = "valid") -> None:
    add(
        database,
        "webhook_events",
        idempotency_key=key,
        provider="kieai",
        headers=Json({}),
        payload=b"{}",
        signature_status=signature_status,
        received_at=datetime.now(UTC) - timedelta(days=days),
    )


def keys(database: Connection) -> set[str]:
    return {key for (key,) in database.execute("select idempotency_key from webhook_events")}


@pytest.fixture
def aged(database: Connection) -> Connection:
    """Webhooks of each signature status before and after each limit, one of each still queued."""
    for status in ("valid", "invalid", "missing"):
        for days in (29, 31, 89, 91):
            add_event(database, f"{status} {days}", days, status)
        add_event(database, f"{status} queued", 100, status)
        webhook_dlq.add(database, idempotency_key=f"{status} queued", error="timeout")
    database.commit()
    return database


def test_processed_webhooks_are_removed_after_ninety_days(aged: Connection) -> None:
    before = keys(aged)

    touched = retention.remove_old_webhooks(aged)

    assert touched == 1
    assert before - keys(aged) == {"valid 91"}


def test_forged_webhooks_are_removed_after_thirty_days(aged: Connection) -> None:
    before = keys(aged)

    touched = retention.remove_forged_webhooks(aged)

    assert touched == 6
    assert before - keys(aged) == {
        f"{status} {days}" for status in ("invalid", "missing") for days in (31, 89, 91)
    }


def test_the_oldest_are_removed_first(database: Connection) -> None:
    for days in (92, 94, 93):
        add_event(database, str(days), days)

    retention.remove_old_webhooks(database, max_rows=2)

    assert keys(database) == {"92"}


@pytest.mark.parametrize("status", ["valid", "invalid"])
def test_a_prune_does_not_wait_for_another(database: Connection, crowd: Crowd, status: str) -> None:
    remove = (
        retention.remove_old_webhooks if status == "valid" else retention.remove_forged_webhooks
    )
    for number in range(4):
        add_event(database, str(number), 100 + number, status)
    database.commit()
    remove(database, max_rows=2)
    second = crowd.connect()
    second.execute("set lock_timeout = '5s'")

    touched = remove(second, max_rows=10)

    assert touched == 2
