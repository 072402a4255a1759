"""A batch that is given up on its way, whatever the reason, leaves nothing done."""

import asyncio
import os
import signal
import threading
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.pq import PipelineStatus, TransactionStatus

from dbkit.errors import BadValue, Drifted
from dbkit.runtime import Statement, batch, batch_rows, execute, many
from dbkit.runtime.awaited import batch as async_batch
from tests.runtime.conftest import MakeTable
from tests.runtime.statements import statement

TAKES = {"id": "int4", "name": "text"}
ADD = statement("insert into things (id, name) values ($1, $2)", takes=TAKES)
ADD_BACK = statement(
    "insert into things (id, name) values ($1, $2) returning id", takes=TAKES, gives={"id": "int4"}
)
ADD_SLOWLY = statement(
    "insert into things (id, name) select $1, $2 from pg_sleep(0.002)", takes=TAKES
)
IDS = statement("select id from things order by id", gives={"id": "int4"})
# more than are on their way at once
MANY = 5000


@pytest.fixture(params=[True, False], ids=["autocommit", "transaction"])
def opened(typed_url: str, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection, in autocommit mode or in a transaction that has done something."""
    with psycopg.connect(typed_url, autocommit=request.param) as connection:
        execute(connection, ADD, (-1, "before"))
        yield connection
        connection.rollback()
        connection.execute("delete from things")
        connection.commit()


def sets(*, fault: tuple[object, ...] | Exception | None = None) -> Iterator[tuple[object, ...]]:
    for number in range(MANY):
        if number == MANY - 10 and fault is not None:
            if isinstance(fault, Exception):
                raise fault
            yield fault
        yield number, "x" * 50


def assert_nothing_done(connection: Connection) -> None:
    assert connection.pgconn.pipeline_status == PipelineStatus.OFF
    assert connection.info.transaction_status in {
        TransactionStatus.IDLE,
        TransactionStatus.INTRANS,
    }
    assert many(connection, IDS, []) == [-1]


@pytest.mark.parametrize("add", [ADD, ADD_BACK], ids=["counted", "rows"])
def test_a_bad_value_in_a_late_set_is_named_with_the_set(
    opened: Connection, add: Statement[Any]
) -> None:
    notices: list[object] = []
    opened.add_notice_handler(notices.append)

    with pytest.raises(BadValue, match="parameter 'id'") as raised:
        (batch_rows if add is ADD_BACK else batch)(opened, add, sets(fault=(1 << 40, "b")))

    assert raised.value.__notes__ == [f"in set {MANY - 9}"]
    assert_nothing_done(opened)
    assert notices == []


def test_an_error_of_the_sets_themselves_is_raised(opened: Connection) -> None:
    with pytest.raises(LookupError):
        batch(opened, ADD, sets(fault=LookupError()))

    assert_nothing_done(opened)


def test_a_set_of_another_length_is_refused(opened: Connection) -> None:
    with pytest.raises(ValueError, match=r"takes 2 values, not 3"):
        batch(opened, ADD, sets(fault=(1, "a", "b")))

    assert_nothing_done(opened)


def test_a_late_set_that_the_server_refuses_is_named(opened: Connection) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation) as raised:
        batch(opened, ADD, sets(fault=(7, "again")))

    assert raised.value.__notes__[0].endswith(f", set {MANY - 9}")
    assert opened.pgconn.pipeline_status == PipelineStatus.OFF
    opened.rollback()
    assert -1 in many(opened, IDS, []) or not opened.autocommit
    assert 0 not in many(opened, IDS, [])


def test_a_long_batch_is_done_whole(opened: Connection) -> None:
    assert batch(opened, ADD, sets()) == MANY
    assert len(many(opened, IDS, [])) == MANY + 1
    assert batch_rows(opened, ADD_BACK, ((MANY + number, "") for number in range(MANY))) == list(
        range(MANY, 2 * MANY)
    )


def test_a_long_batch_holds_a_few_sets_at_a_time(opened: Connection) -> None:
    batch(opened, ADD, [(-3, "warm")])
    tracemalloc.start()
    try:
        batch(opened, ADD, ((number, f"{number:05}" * 400) for number in range(MANY)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # of 10 MB
    assert peak < 2_000_000


def test_a_constraint_that_waits_for_the_end_takes_back_a_long_batch(
    typed_url: str, make_table: MakeTable
) -> None:
    make_table("late (id int4 unique deferrable initially deferred)")
    with psycopg.connect(typed_url, autocommit=True) as connection:
        add = statement("insert into late values ($1)", takes={"id": "int4"})

        with pytest.raises(psycopg.errors.UniqueViolation):
            batch(connection, add, ((number % (MANY - 1),) for number in range(MANY)))

        assert connection.pgconn.pipeline_status == PipelineStatus.OFF
        assert connection.execute("select from late").fetchall() == []


def test_columns_that_changed_are_noticed_before_anything_is_done(
    typed_url: str, make_table: MakeTable
) -> None:
    make_table("odd (id int4, note text)")
    with psycopg.connect(typed_url, autocommit=True) as connection:
        add = statement(
            "insert into odd (id, note) values ($1, 'x') returning id",
            takes={"id": "int4"},
            gives={"id": "int4"},
        )
        assert batch_rows(connection, add, [(1,)]) == [1]
        connection.execute("alter table odd alter id type int8")

        with pytest.raises(Drifted):
            batch_rows(connection, add, [(2,)])

        assert connection.execute("select id from odd").fetchall() == [(1,)]


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupted_batch_is_not_done(opened: Connection) -> None:
    timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        batch(opened, ADD_SLOWLY, ((number, "") for number in range(100_000)))

    timer.join()
    assert opened.pgconn.pipeline_status == PipelineStatus.OFF
    if not opened.autocommit and not opened.closed:
        opened.rollback()
    assert 0 not in many(opened, IDS, [])


@pytest.mark.usefixtures("ctrl_c")
def test_a_batch_that_is_interrupted_while_the_server_has_nothing_to_do_is_not_done(
    opened: Connection,
) -> None:
    def slow() -> Iterator[tuple[object, ...]]:
        for number in range(MANY):
            if number == MANY - 10:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(1)
            yield number, ""

    with pytest.raises(KeyboardInterrupt):
        batch(opened, ADD, slow())

    assert_nothing_done(opened)


def test_a_batch_inside_the_handling_of_an_interruption_is_done(opened: Connection) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    try:
        interrupted()
    except KeyboardInterrupt:
        assert batch(opened, ADD, sets()) == MANY


def test_a_cancelled_task_leaves_nothing_done(typed_url: str) -> None:
    async def run() -> tuple[bool, list[int]]:
        async with await psycopg.AsyncConnection.connect(typed_url, autocommit=True) as connection:
            endless = ((number, "") for number in range(1_000_000))
            task = asyncio.create_task(async_batch(connection, ADD_SLOWLY, endless))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert connection.pgconn.pipeline_status == PipelineStatus.OFF
            found = await (await connection.execute("select id from things")).fetchall()
            return connection.closed, [row[0] for row in found]

    assert asyncio.run(run()) == (False, [])


def test_a_task_that_is_cancelled_between_two_portions_leaves_nothing_done(typed_url: str) -> None:
    async def run() -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(typed_url, autocommit=True) as connection:

            def cancelling() -> Iterator[tuple[object, ...]]:
                for number in range(MANY):
                    # the server is soon done with what it has, so there is nothing to cancel there
                    if number == MANY // 2:
                        task.cancel()
                    yield number, ""

            task = asyncio.create_task(async_batch(connection, ADD, cancelling()))
            with pytest.raises(asyncio.CancelledError):
                await task
            assert connection.pgconn.pipeline_status == PipelineStatus.OFF
            return await (await connection.execute("select id from things")).fetchall()

    assert asyncio.run(run()) == []


def test_a_server_that_is_lost_has_done_nothing(typed_url: str) -> None:
    end_the_batch = """
        select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()
    """
    with (
        psycopg.connect(typed_url, autocommit=True) as other,
        psycopg.connect(typed_url, autocommit=True) as connection,
    ):
        # from now on the types are known
        batch(connection, ADD, [])

        def killing() -> Iterator[tuple[object, ...]]:
            for number in range(MANY):
                if number == MANY // 2:
                    other.execute(end_the_batch)
                yield number, ""

        with pytest.raises(psycopg.OperationalError):
            batch(connection, ADD, killing())

        assert connection.closed
        assert many(other, IDS, []) == []
