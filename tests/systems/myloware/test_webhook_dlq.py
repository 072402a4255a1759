"""A webhook that failed is replayed by one worker at a time, ever later, until it is given up."""

from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from dbkit.systems.myloware import webhook_dlq, webhook_events
from dbkit.systems.myloware.webhook_dlq import ClaimRow
from tests.systems.myloware.conftest import Crowd

NOW = timedelta(0)
DUE = "update webhook_dlq set next_retry_at = null where next_retry_at <> 'infinity'"


def add_failed(connection: Connection, key: str, *, base: timedelta = NOW) -> UUID:
    webhook_events.add(
        connection,
        idempotency_key=key,
        provider="kieai",
        headers={"key": key},
        payload=b"\x00",
        signature_status="valid",
    )
    id_ = webhook_dlq.add(connection, idempotency_key=key, error="timeout", base=base)
    assert id_ is not None
    return id_


def delay(connection: Connection, id_: UUID) -> timedelta:
    """How long after its last failure an entry is due."""
    [(found,)] = connection.execute(
        "select next_retry_at - last_error_at from webhook_dlq where id = %s", [id_]
    )
    assert isinstance(found, timedelta)
    return found


def claim_one(connection: Connection, *, max_retries: int = 8) -> ClaimRow:
    connection.execute(DUE)
    [claimed] = webhook_dlq.claim(connection, max_retries=max_retries)
    return claimed


def test_a_failed_webhook_is_queued_as_it_came_in(database: Connection) -> None:
    id_ = add_failed(database, "1")

    [claimed] = webhook_dlq.claim(database)

    assert (claimed.id, claimed.idempotency_key, claimed.provider) == (id_, "1", "kieai")
    assert (claimed.headers, claimed.payload, claimed.error) == ({"key": "1"}, b"\x00", "timeout")


def test_a_webhook_that_was_never_recorded_cannot_fail(database: Connection) -> None:
    assert webhook_dlq.add(database, idempotency_key="nothing", error="timeout") is None


def test_a_webhook_that_fails_while_it_is_queued_keeps_its_attempts(database: Connection) -> None:
    id_ = add_failed(database, "1")
    webhook_dlq.claim(database)

    again = webhook_dlq.add(database, idempotency_key="1", error="unreachable")

    [(error, count, is_claimed)] = database.execute(
        "select error, retry_count, next_retry_at > now() from webhook_dlq"
    )
    assert again == id_
    assert (error, count, is_claimed) == ("unreachable", 1, True)


def test_a_webhook_is_first_replayed_after_the_base_delay(database: Connection) -> None:
    id_ = add_failed(database, "1", base=timedelta(seconds=30))

    assert webhook_dlq.claim(database) == []
    assert timedelta(seconds=24) <= delay(database, id_) <= timedelta(seconds=36)


def test_what_is_claimed_is_not_claimed_again_and_the_oldest_comes_first(
    database: Connection,
) -> None:
    ids = [add_failed(database, str(number)) for number in range(5)]
    database.execute(
        "update webhook_dlq set created_at = now() + idempotency_key::int * interval '1 s'"
    )

    first = webhook_dlq.claim(database, max_entries=2)
    second = webhook_dlq.claim(database)

    assert [entry.id for entry in (*first, *second)] == ids
    assert webhook_dlq.claim(database) == []


def test_many_workers_claim_everything_and_nothing_twice(
    database: Connection, crowd: Crowd
) -> None:
    ids = {add_failed(database, str(number)) for number in range(60)}
    database.commit()

    def work(connection: Connection) -> list[UUID]:
        mine: list[UUID] = []
        while claimed := webhook_dlq.claim(connection, max_entries=3):
            connection.commit()
            mine += [entry.id for entry in claimed]
        return mine

    shares = crowd.at_once(*[work] * 8)

    claimed = [id_ for share in shares for id_ in share]
    assert len(claimed) == 60
    assert set(claimed) == ids


def test_a_worker_does_not_wait_for_what_another_is_claiming(
    database: Connection, crowd: Crowd
) -> None:
    add_failed(database, "1")
    other = add_failed(database, "2")
    database.execute("update webhook_dlq set created_at = '2001-01-01' where id <> %s", [other])
    database.commit()
    webhook_dlq.claim(database, max_entries=1)
    second = crowd.connect()
    second.execute("set lock_timeout = '5s'")

    [claimed] = webhook_dlq.claim(second)

    assert claimed.id == other


def test_what_a_dead_worker_claimed_comes_back_when_its_lease_is_over(
    database: Connection,
) -> None:
    id_ = add_failed(database, "1")
    webhook_dlq.claim(database, lease=timedelta(milliseconds=1))
    database.commit()
    database.execute("select pg_sleep(0.01)")
    database.commit()

    [claimed] = webhook_dlq.claim(database, lease=timedelta(minutes=5))

    assert (claimed.id, claimed.retry_count) == (id_, 2)
    assert webhook_dlq.claim(database) == []


def test_a_worker_that_dies_before_it_commits_has_claimed_nothing(
    database: Connection, crowd: Crowd
) -> None:
    id_ = add_failed(database, "1")
    database.commit()
    dying = crowd.connect()
    webhook_dlq.claim(dying)
    dying.close()

    def claim(connection: Connection) -> list[ClaimRow]:
        # the server may take a moment to notice
        connection.execute("select from webhook_dlq for update")
        return webhook_dlq.claim(connection)

    [[claimed]] = crowd.at_once(claim)

    assert (claimed.id, claimed.retry_count) == (id_, 1)


def test_each_failure_doubles_the_delay_up_to_the_cap(database: Connection) -> None:
    id_ = add_failed(database, "1")

    delays: list[float] = []
    for _ in range(5):
        entry = claim_one(database)
        webhook_dlq.postpone(
            database,
            id=id_,
            retry_count=entry.retry_count,
            error="again",
            base=timedelta(seconds=10),
            cap=timedelta(seconds=100),
            jitter=0,
        )
        delays.append(delay(database, id_).total_seconds())

    assert delays == [20, 40, 80, 100, 100]


def test_no_number_of_attempts_is_too_many_for_the_delay(database: Connection) -> None:
    [(longest,)] = database.execute("select retry_delay(2147483647, '1 min', '1 hour', 0)")

    assert longest == timedelta(hours=1)


def test_jitter_spreads_what_failed_together_and_no_further(database: Connection) -> None:
    rows = database.execute(
        "select retry_delay(2, '10 s', '1 hour', 0.2) from generate_series(1, 200)"
    )

    delays = [delay.total_seconds() for (delay,) in rows]
    assert len(set(delays)) > 190
    assert 32 <= min(delays) < 34
    assert 46 < max(delays) <= 48


def test_the_last_attempt_gives_up(database: Connection) -> None:
    id_ = add_failed(database, "1")
    for attempt in (1, 2):
        entry = claim_one(database, max_retries=3)
        is_given_up = webhook_dlq.postpone(
            database, id=id_, retry_count=attempt, error="again", base=NOW
        )
        assert (entry.retry_count, is_given_up) == (attempt, False)

    last = claim_one(database, max_retries=3)
    is_given_up = webhook_dlq.postpone(database, id=id_, retry_count=3, error="for good")

    [given_up] = webhook_dlq.list_given_up(database)
    assert (last.retry_count, is_given_up) == (3, True)
    assert (given_up.id, given_up.error, given_up.retry_count) == (id_, "for good", 3)
    assert webhook_dlq.list_due(database) == []
    assert webhook_dlq.claim(database, max_retries=100) == []


def test_the_lease_of_the_last_attempt_has_no_end(database: Connection) -> None:
    add_failed(database, "1")

    first = claim_one(database, max_retries=2)
    last = claim_one(database, max_retries=2)

    [(now,)] = database.execute("select now()")
    assert first.next_retry_at == now + timedelta(minutes=5)
    assert last.next_retry_at == "infinity"


def test_what_is_due_since_for_ever_is_listed_as_well(database: Connection) -> None:
    id_ = add_failed(database, "1")
    database.execute("update webhook_dlq set next_retry_at = '-infinity'")

    [due] = webhook_dlq.list_due(database)

    assert (due.id, due.next_retry_at) == (id_, "-infinity")


def test_a_webhook_that_kills_its_workers_is_given_up_too(database: Connection) -> None:
    id_ = add_failed(database, "1")

    for _ in range(2):
        claim_one(database, max_retries=2)

    database.execute(DUE)
    assert webhook_dlq.claim(database, max_retries=2) == []
    assert [entry.id for entry in webhook_dlq.list_given_up(database)] == [id_]


def test_the_latest_to_be_given_up_comes_first(database: Connection) -> None:
    ids = [add_failed(database, str(number)) for number in range(3)]
    webhook_dlq.claim(database, max_retries=1)
    database.execute(
        "update webhook_dlq set last_error_at = now() + idempotency_key::int * interval '1 h'"
    )

    given_up = webhook_dlq.list_given_up(database, max_entries=2)

    assert [entry.id for entry in given_up] == [ids[2], ids[1]]


def test_what_was_given_up_can_be_queued_again_with_all_its_attempts(database: Connection) -> None:
    id_ = add_failed(database, "1")
    webhook_dlq.claim(database, max_retries=1)

    touched = webhook_dlq.requeue(database, id=id_)

    [claimed] = webhook_dlq.claim(database)
    assert touched == 1
    assert (claimed.id, claimed.retry_count) == (id_, 1)
    assert webhook_dlq.list_given_up(database) == []


def test_a_lease_is_renewed_by_the_latest_attempt_alone(database: Connection) -> None:
    id_ = add_failed(database, "1")
    [claimed] = webhook_dlq.claim(database, lease=timedelta(seconds=1))

    touched = [
        webhook_dlq.renew(
            database, id=id_, retry_count=claimed.retry_count + late, lease=timedelta(hours=1)
        )
        for late in (0, -1)
    ]

    ends = database.execute("select next_retry_at - now() from webhook_dlq").fetchall()
    assert touched == [1, 0]
    assert ends == [(timedelta(hours=1),)]


def test_the_last_attempt_keeps_its_lease_without_end(database: Connection) -> None:
    id_ = add_failed(database, "1")
    webhook_dlq.claim(database, max_retries=1)

    assert webhook_dlq.renew(database, id=id_, retry_count=1) == 1
    assert len(webhook_dlq.list_given_up(database)) == 1


def test_a_resolved_webhook_leaves_the_queue_and_stays_recorded(database: Connection) -> None:
    id_ = add_failed(database, "1")

    touched = [webhook_dlq.resolve(database, id=id_) for _ in range(2)]

    assert touched == [1, 0]
    assert webhook_dlq.claim(database) == []
    assert webhook_events.find(database, idempotency_key="1") is not None


def test_a_worker_whose_lease_was_over_does_not_postpone_for_the_next(
    database: Connection,
) -> None:
    id_ = add_failed(database, "1")
    slow = claim_one(database)
    fast = claim_one(database)

    late = webhook_dlq.postpone(
        database, id=id_, retry_count=slow.retry_count, error="late", base=NOW
    )

    [(error, is_leased)] = database.execute("select error, next_retry_at > now() from webhook_dlq")
    assert late is None
    assert (error, is_leased, fast.retry_count) == ("timeout", True, 2)


def test_what_is_out_of_the_queue_is_not_postponed(database: Connection) -> None:
    assert webhook_dlq.postpone(database, id=uuid4(), retry_count=0, error="late") is None


def test_of_many_that_fail_at_once_with_one_webhook_one_entry_remains(
    database: Connection, crowd: Crowd
) -> None:
    id_ = add_failed(database, "1")
    webhook_dlq.resolve(database, id=id_)
    database.commit()

    ids = crowd.at_once(*[partial(webhook_dlq.add, idempotency_key="1", error="timeout")] * 6)

    [(only,)] = database.execute("select id from webhook_dlq")
    assert set(ids) == {only}


def test_updated_at_tells_of_the_latest_change(database: Connection) -> None:
    add_failed(database, "1")
    database.commit()

    webhook_dlq.claim(database)

    [(has_moved,)] = database.execute("select updated_at > created_at from webhook_dlq")
    assert has_moved


@pytest.mark.parametrize("retry_count", [0, 5])
def test_an_entry_without_a_time_is_claimed_at_once(database: Connection, retry_count: int) -> None:
    add_failed(database, "1", base=timedelta(hours=1))
    database.execute("update webhook_dlq set next_retry_at = null, retry_count = %s", [retry_count])

    [claimed] = webhook_dlq.claim(database)

    assert claimed.retry_count == retry_count + 1
