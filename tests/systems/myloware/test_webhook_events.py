"""A webhook is recorded once, however often it comes, and queued in the same statement."""

import signal
import subprocess
import sys
from datetime import timedelta
from functools import partial
from textwrap import dedent

import pytest
from psycopg import Connection, errors

from dbkit.systems.myloware import webhook_dlq, webhook_events
from dbkit.systems.myloware.webhook_dlq import ClaimRow
from dbkit.systems.myloware.webhook_replay import replay
from tests.systems.myloware.conftest import Crowd

VIDEO_READY = partial(
    webhook_events.add,
    idempotency_key="request 1",
    provider="kieai",
    headers={"X-Request-Id": "request 1"},
    payload=b"\x00\xff{}",
)


def test_a_webhook_is_kept_as_it_came(database: Connection) -> None:
    added = VIDEO_READY(database, signature_status="valid")

    event = webhook_events.find(database, idempotency_key="request 1")
    assert event is not None
    assert (event.id, event.provider, event.signature_status) == (added.id, "kieai", "valid")
    assert added.outcome == "recorded"
    assert (event.headers, event.payload) == ({"X-Request-Id": "request 1"}, b"\x00\xff{}")


def test_a_webhook_that_comes_again_is_not_recorded_again(database: Connection) -> None:
    VIDEO_READY(database, signature_status="valid")
    before = webhook_events.find(database, idempotency_key="request 1")

    again = VIDEO_READY(database, signature_status="valid")

    assert (again.outcome, again.queue_id) == ("known", None)
    assert webhook_events.find(database, idempotency_key="request 1") == before


def test_a_webhook_that_comes_many_times_at_once_is_recorded_once(
    database: Connection, crowd: Crowd
) -> None:
    added = crowd.at_once(*[partial(VIDEO_READY, signature_status="valid")] * 8)

    event = webhook_events.find(database, idempotency_key="request 1")
    assert event is not None
    assert {one.id for one in added} == {event.id}
    assert sorted(one.outcome for one in added) == ["known"] * 7 + ["recorded"]
    assert len(webhook_events.list_recent(database)) == 1
    assert database.execute("select from webhook_dlq").rowcount == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("valid", "invalid"),
        ("valid", "missing"),
        ("invalid", "missing"),
        ("missing", "invalid"),
        ("invalid", "invalid"),
    ],
)
def test_the_first_signature_status_is_kept(database: Connection, first: str, second: str) -> None:
    VIDEO_READY(database, signature_status=first)

    again = VIDEO_READY(database, signature_status=second, payload=b"forged")

    event = webhook_events.find(database, idempotency_key="request 1")
    assert again.outcome == "known"
    assert event is not None
    assert (event.signature_status, event.payload) == (first, b"\x00\xff{}")


@pytest.mark.parametrize("forged", ["invalid", "missing"])
def test_a_forged_webhook_does_not_keep_the_real_one_out(database: Connection, forged: str) -> None:
    VIDEO_READY(database, signature_status=forged, payload=b"forged")

    real = VIDEO_READY(database, signature_status="valid")

    event = webhook_events.find(database, idempotency_key="request 1")
    [(queued,)] = database.execute("select payload from webhook_dlq where id = %s", [real.queue_id])
    assert (real.outcome, queued) == ("recorded", b"\x00\xff{}")
    assert event is not None
    assert (event.id, event.signature_status, event.payload) == (real.id, "valid", b"\x00\xff{}")
    assert VIDEO_READY(database, signature_status="valid").outcome == "known"


def test_of_two_providers_with_one_key_the_second_is_told(database: Connection) -> None:
    VIDEO_READY(database, signature_status="valid")
    before = webhook_events.find(database, idempotency_key="request 1")

    other = VIDEO_READY(database, provider="shotstack", signature_status="valid")

    assert (other.outcome, other.queue_id) == ("other_provider", None)
    assert webhook_events.find(database, idempotency_key="request 1") == before
    assert database.execute("select provider from webhook_dlq").fetchall() == [("kieai",)]


def test_of_two_providers_with_one_key_at_once_one_is_told(
    database: Connection, crowd: Crowd
) -> None:
    works = [
        partial(VIDEO_READY, provider=provider, signature_status="valid")
        for provider in ("kieai", "shotstack")
    ]

    added = crowd.at_once(*works)

    assert sorted(one.outcome for one in added) == ["other_provider", "recorded"]
    assert len(webhook_events.list_recent(database)) == 1


def test_a_provider_that_proves_nothing_keeps_no_other_out(database: Connection) -> None:
    VIDEO_READY(database, signature_status="missing")

    other = VIDEO_READY(database, provider="shotstack", signature_status="valid")

    event = webhook_events.find(database, idempotency_key="request 1")
    assert other.outcome == "recorded"
    assert event is not None
    assert (event.id, event.provider) == (other.id, "shotstack")


def test_what_is_recorded_is_queued_as_it_came_under_a_lease(database: Connection) -> None:
    added = VIDEO_READY(database, signature_status="valid", lease=timedelta(minutes=1))

    rows = database.execute(
        "select id, provider, headers, payload, retry_count, next_retry_at - now() from webhook_dlq"
    )
    assert rows.fetchall() == [
        (
            added.queue_id,
            "kieai",
            {"X-Request-Id": "request 1"},
            b"\x00\xff{}",
            0,
            timedelta(minutes=1),
        )
    ]
    assert webhook_dlq.claim(database) == []


@pytest.mark.parametrize("signature_status", ["invalid", "missing"])
def test_what_is_not_valid_is_not_queued(database: Connection, signature_status: str) -> None:
    added = VIDEO_READY(database, signature_status=signature_status)

    assert (added.outcome, added.queue_id) == ("recorded", None)
    assert database.execute("select from webhook_dlq").rowcount == 0


def test_a_lease_of_nothing_leaves_it_to_the_workers_at_once(database: Connection) -> None:
    added = VIDEO_READY(database, signature_status="valid", lease=timedelta(0))

    [claimed] = webhook_dlq.claim(database)

    assert (claimed.id, claimed.retry_count) == (added.queue_id, 1)


def test_who_fails_under_the_lease_has_it_replayed_after_the_first_delay(
    database: Connection,
) -> None:
    added = VIDEO_READY(database, signature_status="valid", lease=timedelta(hours=1))

    failed = webhook_dlq.add(
        database, idempotency_key="request 1", error="no answer", base=timedelta(0)
    )

    [claimed] = webhook_dlq.claim(database)
    assert failed == added.queue_id == claimed.id
    assert claimed.error == "no answer"


_DIES_AFTER_ITS_COMMIT = dedent(
    """
    import os, signal, sys
    from datetime import timedelta
    import psycopg
    from dbkit.systems.myloware import webhook_events

    with psycopg.connect(sys.argv[1]) as connection:
        webhook_events.add(
            connection,
            idempotency_key="request 1",
            provider="kieai",
            headers={},
            payload=b"{}",
            signature_status="valid",
            lease=timedelta(milliseconds=1),
        )
        connection.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    """
)


def test_a_receiver_that_dies_after_its_commit_has_lost_nothing(database: Connection) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _DIES_AFTER_ITS_COMMIT, database.info.dsn], check=False
    )
    again = VIDEO_READY(database, signature_status="valid")
    database.commit()

    done = list[ClaimRow]()
    replay(database, done.append)

    assert killed.returncode == -signal.SIGKILL
    assert again.outcome == "known"
    assert [entry.idempotency_key for entry in done] == ["request 1"]
    assert database.execute("select from webhook_dlq").rowcount == 0


def test_an_entry_of_an_event_that_was_removed_is_begun_again(database: Connection) -> None:
    VIDEO_READY(database, signature_status="valid", lease=timedelta(0))
    webhook_dlq.claim(database, max_retries=1)
    database.execute("delete from webhook_events")

    VIDEO_READY(database, signature_status="valid", lease=timedelta(0), payload=b"newer")

    [claimed] = webhook_dlq.claim(database)
    assert (claimed.payload, claimed.retry_count) == (b"newer", 1)


def test_a_signature_status_that_is_none_of_the_three_is_refused(database: Connection) -> None:
    with pytest.raises(errors.CheckViolation, match="signature_status"):
        VIDEO_READY(database, signature_status="unknown")
