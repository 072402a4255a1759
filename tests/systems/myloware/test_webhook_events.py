"""A webhook is recorded once, however often it comes."""

from functools import partial

import pytest
from psycopg import Connection, errors

from dbkit.systems.myloware import webhook_events
from tests.systems.myloware.conftest import Crowd

VIDEO_READY = partial(
    webhook_events.add,
    idempotency_key="request 1",
    provider="kieai",
    headers={"X-Request-Id": "request 1"},
    payload=b"\x00\xff{}",
)


def test_a_webhook_is_kept_as_it_came(database: Connection) -> None:
    id_ = VIDEO_READY(database, signature_status="valid")

    event = webhook_events.find(database, idempotency_key="request 1")
    assert event is not None
    assert (event.id, event.provider, event.signature_status) == (id_, "kieai", "valid")
    assert (event.headers, event.payload) == ({"X-Request-Id": "request 1"}, b"\x00\xff{}")


def test_a_webhook_that_comes_again_is_not_recorded_again(database: Connection) -> None:
    VIDEO_READY(database, signature_status="valid")
    before = webhook_events.find(database, idempotency_key="request 1")

    again = VIDEO_READY(database, signature_status="valid")

    assert again is None
    assert webhook_events.find(database, idempotency_key="request 1") == before


def test_a_webhook_that_comes_many_times_at_once_is_recorded_once(
    database: Connection, crowd: Crowd
) -> None:
    ids = crowd.at_once(*[partial(VIDEO_READY, signature_status="valid")] * 8)

    event = webhook_events.find(database, idempotency_key="request 1")
    assert event is not None
    assert [id_ for id_ in ids if id_ is not None] == [event.id]
    assert len(webhook_events.list_recent(database)) == 1


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
    assert again is None
    assert event is not None
    assert (event.signature_status, event.payload) == (first, b"\x00\xff{}")


@pytest.mark.parametrize("forged", ["invalid", "missing"])
def test_a_forged_webhook_does_not_keep_the_real_one_out(database: Connection, forged: str) -> None:
    first = VIDEO_READY(database, signature_status=forged, payload=b"forged")

    real = VIDEO_READY(database, signature_status="valid")

    event = webhook_events.find(database, idempotency_key="request 1")
    assert real == first
    assert event is not None
    assert (event.signature_status, event.payload) == ("valid", b"\x00\xff{}")
    assert VIDEO_READY(database, signature_status="valid") is None


def test_another_provider_does_not_take_a_key_over(database: Connection) -> None:
    VIDEO_READY(database, signature_status="missing")

    other = VIDEO_READY(database, provider="shotstack", signature_status="valid")

    event = webhook_events.find(database, idempotency_key="request 1")
    assert other is None
    assert event is not None
    assert event.provider == "kieai"


def test_a_signature_status_that_is_none_of_the_three_is_refused(database: Connection) -> None:
    with pytest.raises(errors.CheckViolation, match="signature_status"):
        VIDEO_READY(database, signature_status="unknown")
