"""Logs followed while they are written: none missed, none twice."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from random import Random
from threading import Barrier
from time import sleep
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection, Connection

from dbkit.systems.mrwa import execution_logs, executions
from dbkit.systems.mrwa.execution_logs import AddValues, ExecutionLog, LoadValues
from dbkit.systems.mrwa.log_tail import (
    LogBatch,
    NoSuchExecution,
    NotAutocommit,
    follow,
    follow_async,
    tail,
    tail_batches,
)

Connect = Callable[..., Connection]
NOW = datetime.now(UTC).replace(tzinfo=None)


def line(execution: UUID, message: str, level: str = "info") -> AddValues:
    return AddValues(execution, level, message, None, None)


def old_line(execution: UUID, message: str, age: int = 0) -> LoadValues:
    return LoadValues(execution, NOW - timedelta(seconds=age), "info", message, None, None)


def add(connection: Connection, execution: UUID, *messages: str) -> None:
    execution_logs.add(connection, [line(execution, message) for message in messages])


def end(connection: Connection, execution: UUID) -> None:
    executions.fail(connection, execution_id=execution, error_message="of a test")


def messages(logs: Iterator[ExecutionLog], most: int | None = None) -> list[str]:
    return [log.message for log in islice(logs, most)]


def heard(writer: Connection, listener: Connection, execution: UUID) -> list[tuple[str, str]]:
    """Hear what was told until now: a notification of our own comes after it."""
    writer.execute("select pg_notify(%s, 'the last')", [f"execution_{execution}"])
    told: list[tuple[str, str]] = []
    for notification in listener.notifies(timeout=60):
        if notification.payload == "the last":
            return told
        told.append((notification.channel, notification.payload))
    pytest.fail(f"the last notification never came, after {told}")


@pytest.fixture
def writer(connect: Connect) -> Connection:
    """Who writes the logs."""
    return connect()


@pytest.fixture
def reader(connect: Connect) -> Connection:
    """Who follows them."""
    return connect()


@pytest.fixture
def patience() -> float:
    """How long who follows waits for a notification; behind a pooler it is told of none."""
    return 0.01 if "DBKIT_TEST_POOLER" in os.environ else 60


@pytest.fixture
def listener(connect: Connect, execution: UUID) -> Connection:
    """Who only hears that there is something."""
    connection = connect()
    connection.execute(f'listen "execution_{execution}"'.encode())
    return connection


def test_what_is_there_comes_first_and_then_what_is_written(
    writer: Connection, reader: Connection, execution: UUID, patience: float
) -> None:
    add(writer, execution, "one", "two")
    followed = tail(reader, execution_id=execution, patience=patience)

    assert messages(followed, 2) == ["one", "two"]
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(next, followed)
        add(writer, execution, "three")
        assert third.result(timeout=30).message == "three"
    add(writer, execution, "four")
    end(writer, execution)
    assert messages(followed) == ["four"]


def test_a_line_that_is_committed_late_comes_late_and_is_not_missed(
    writer: Connection, reader: Connection, connect: Connect, execution: UUID, patience: float
) -> None:
    slow, followed = connect(), tail(reader, execution_id=execution, patience=patience)
    with slow.transaction():
        add(slow, execution, "written first")
        add(writer, execution, "written second")
        assert messages(followed, 1) == ["written second"]

    assert messages(followed, 1) == ["written first"]
    end(writer, execution)
    assert messages(followed) == []


def test_a_line_of_a_savepoint_comes_with_its_transaction(
    writer: Connection, reader: Connection, connect: Connect, execution: UUID, patience: float
) -> None:
    slow, followed = connect(), tail(reader, execution_id=execution, patience=patience)
    with slow.transaction():
        with slow.transaction():
            add(slow, execution, "inside")
        add(writer, execution, "outside")
        assert messages(followed, 1) == ["outside"]

    assert messages(followed, 1) == ["inside"]


def test_many_writers_that_commit_in_any_order_lose_and_double_nothing(
    reader: Connection, connect: Connect, execution: UUID, patience: float
) -> None:
    writers, together = 6, Barrier(7)

    def write(pair: tuple[int, Connection]) -> list[str]:
        number, connection = pair
        chance, written = Random(number), list[str]()  # noqa: S311 - no secret hangs on it
        together.wait()
        for turn in range(25):
            batch = [f"{number} {turn} {place}" for place in range(chance.randrange(1, 8))]
            with connection.transaction():
                if chance.random() < 0.5:
                    rows = [old_line(execution, one, chance.randrange(3600)) for one in batch]
                    execution_logs.load(connection, rows)
                else:
                    add(connection, execution, *batch)
                sleep(chance.random() / 200)
            written += batch
        return written

    def follow() -> list[str]:
        together.wait()
        return messages(tail(reader, execution_id=execution, patience=patience))

    with ThreadPoolExecutor(writers + 1) as pool:
        followed = pool.submit(follow)
        connections = [connect() for _ in range(writers)]
        written = [message for each in pool.map(write, enumerate(connections)) for message in each]
        end(connections[0], execution)
        found = followed.result(timeout=60)

    assert len(found) == len(written)
    assert set(found) == set(written)


def test_an_execution_that_is_over_gives_its_logs_and_the_end(
    writer: Connection, reader: Connection, execution: UUID
) -> None:
    with writer.transaction():
        add(writer, execution, "last words")
        end(writer, execution)
    add(writer, execution, "afterwards")

    assert messages(tail(reader, execution_id=execution)) == ["last words", "afterwards"]


def test_an_execution_that_is_removed_ends_what_follows_it(
    writer: Connection, reader: Connection, execution: UUID
) -> None:
    add(writer, execution, "one")
    followed = tail(reader, execution_id=execution, patience=0.01)
    assert messages(followed, 1) == ["one"]

    writer.execute("delete from executions where id = %s", [execution])

    assert messages(followed) == []


def test_an_unknown_execution_is_refused(reader: Connection) -> None:
    execution = uuid4()

    with pytest.raises(NoSuchExecution) as refused:
        next(tail(reader, execution_id=execution))

    sentence = f"no execution {execution} is visible here; give the id of one of this user's"
    assert str(refused.value) == sentence


def test_a_connection_inside_a_transaction_is_refused(
    database: Connection, execution: UUID
) -> None:
    with pytest.raises(NotAutocommit, match="in autocommit mode"):
        next(tail(database, execution_id=execution))


@pytest.mark.usefixtures("own_session")
def test_who_stops_following_stops_listening(
    writer: Connection, reader: Connection, execution: UUID
) -> None:
    add(writer, execution, "one", "two")
    followed = tail(reader, execution_id=execution)
    next(followed)
    channels = reader.execute("select pg_listening_channels()").fetchall()

    followed.close()

    assert channels == [(f"execution_{execution}",)]
    assert reader.execute("select pg_listening_channels()").fetchall() == []


@pytest.mark.usefixtures("own_session")
def test_nothing_of_ours_is_prepared_by_the_driver(
    writer: Connection, reader: Connection, execution: UUID
) -> None:
    reader.prepare_threshold = 0
    add(writer, execution, "one", "two")
    followed = tail(reader, execution_id=execution)

    assert messages(followed, 1) == ["one"]

    named = "select name from pg_prepared_statements where name ~ '^_pg3'"
    assert reader.execute(named, prepare=False).fetchall() == []


@pytest.mark.usefixtures("own_session")
def test_ten_thousand_loaded_lines_are_one_notification(
    writer: Connection, listener: Connection, execution: UUID
) -> None:
    loaded = execution_logs.load(
        writer, (old_line(execution, f"line {number}") for number in range(10_000))
    )
    add(writer, of_nobody(writer), "of another execution")

    told = heard(writer, listener, execution)

    assert loaded == 10_000
    assert told == [(f"execution_{execution}", "")]


@pytest.mark.usefixtures("own_session")
def test_many_lines_of_one_transaction_are_one_notification(
    writer: Connection, listener: Connection, execution: UUID
) -> None:
    with writer.transaction():
        add(writer, execution, *(f"line {number}" for number in range(50)))
        add(writer, execution, "and one")

    assert len(heard(writer, listener, execution)) == 1


@pytest.mark.usefixtures("own_session")
def test_each_step_of_an_execution_is_a_notification_and_no_other_change(
    writer: Connection, listener: Connection, execution: UUID
) -> None:
    executions.start_step(writer, execution_id=execution, step_id=1)
    end(writer, execution)
    writer.execute("update executions set metadata = '{}'")

    assert len(heard(writer, listener, execution)) == 1


def test_lines_of_one_transaction_keep_their_order(database: Connection, execution: UUID) -> None:
    written = [f"line {number}" for number in range(100)]
    add(database, execution, *written)

    listed = execution_logs.list_since(database, execution_id=execution)

    assert [log.message for log in listed] == written
    assert len({log.timestamp for log in listed}) == 100


def test_a_line_of_a_restored_backup_does_not_come_twice(
    writer: Connection, reader: Connection, execution: UUID, patience: float
) -> None:
    add(writer, execution, "restored")
    writer.execute("update execution_logs set added_in = '9000000000'")
    followed = tail(reader, execution_id=execution, patience=patience)

    assert messages(followed, 1) == ["restored"]
    add(writer, execution, "new")
    end(writer, execution)
    assert messages(followed) == ["new"]


def test_following_reads_no_more_than_what_is_new(database: Connection, execution: UUID) -> None:
    database.execute(
        "insert into execution_logs (execution_id, level, message)"
        " select %s, 'info', 'old' from generate_series(1, 20000)",
        [execution],
    )
    database.commit()
    database.execute("analyze execution_logs")
    found = execution_logs.find_position(database, execution_id=execution)
    assert found is not None

    [(plan,)] = database.execute(
        """
        explain (analyze, format json)
        select from execution_logs as log
        where
            log.execution_id = %(execution)s
            and log.added_in >= pg_snapshot_xmin(%(position)s)
            and not pg_visible_in_snapshot(log.added_in, %(position)s)
        """,
        {"execution": execution, "position": found.position},
    )

    assert plan[0]["Plan"]["Index Name"] == "idx_execution_logs_execution_added"
    assert plan[0]["Plan"].get("Rows Removed by Filter", 0) == 0


def test_all_logs_can_be_read_as_they_are_needed_or_those_of_one_level(
    database: Connection, execution: UUID
) -> None:
    execution_logs.load(database, [old_line(execution, str(age), age) for age in range(2500)])
    execution_logs.add(database, [line(execution, "it broke", "error")])

    every = [log.message for log in execution_logs.list_all(database, execution_id=execution)]
    errors = execution_logs.list_all(database, execution_id=execution, level="error")

    assert every == [*map(str, reversed(range(2500))), "it broke"]
    assert [log.message for log in errors] == ["it broke"]


def of_nobody(connection: Connection) -> UUID:
    """Add an execution of nobody's."""
    [(execution,)] = connection.execute(
        "insert into executions (input_type, input_value) values ('pdf', '') returning id"
    ).fetchall()
    found: UUID = execution
    return found


def test_it_goes_on_at_a_position_without_a_gap_or_a_repetition(
    writer: Connection, reader: Connection, connect: Connect, execution: UUID
) -> None:
    add(writer, execution, "one", "two")
    first = next(tail_batches(reader, execution_id=execution))
    add(writer, execution, "three")
    end(writer, execution)

    after = list(tail_batches(connect(), execution_id=execution, position=first.position))

    assert [log.message for log in first.logs] == ["one", "two"]
    assert [[log.message for log in batch.logs] for batch in after] == [["three"]]
    assert [batch.is_over for batch in (first, *after)] == [False, True]
    again = tail(connect(), execution_id=execution, position=after[0].position)
    assert list(again) == []


@pytest.mark.usefixtures("own_session")
@pytest.mark.parametrize("in_loop", [False, True])
def test_a_lost_connection_loses_and_repeats_no_line(
    writer: Connection, database: Connection, execution: UUID, patience: float, in_loop: bool
) -> None:
    url = database.info.dsn
    seen: list[str] = []
    # written while nobody is connected: the reader was ended, and takes its time
    lines = iter(["one", "two", "three", "four"])

    def trouble() -> None:
        writer.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'follower'"
        )
        for line_ in islice(lines, 2):
            add(writer, execution, line_)

    def take(batch: LogBatch) -> None:
        seen.extend(log.message for log in batch.logs)
        trouble()
        if len(seen) >= 3:
            end(writer, execution)

    async def loop() -> None:
        @asynccontextmanager
        async def connecting() -> AsyncGenerator[AsyncConnection]:
            async with await AsyncConnection.connect(url, application_name="follower") as one:
                yield one

        async for batch in follow_async(
            connecting, execution_id=execution, patience=patience, pause=0.05
        ):
            take(batch)

    add(writer, execution, "zero")
    if in_loop:
        asyncio.run(loop())
    else:
        connecting = partial(psycopg.connect, url, application_name="follower")
        for batch in follow(connecting, execution_id=execution, patience=patience, pause=0.05):
            take(batch)

    assert seen == ["zero", "one", "two", "three", "four"]
