"""The rows of a large result come in portions, and nobody notices."""

import asyncio
import gc

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.pq import PipelineStatus, TransactionStatus

from dbkit.errors import Unreadable
from dbkit.runtime import awaited, many
from tests.runtime.statements import statement

COUNT = 12_001
NUMBERS = statement(
    "select n from generate_series(1, $1) as n", takes={"count": "int4"}, gives={"n": "int4"}
)
# a moment that Python has no form for, far behind the first portion
ENDLESS = statement(
    "select case when n = $1 then 'infinity' else now() end as at from generate_series(1, 12001) n",
    takes={"bad": "int4"},
    gives={"at": "timestamptz"},
)
FAILING = statement(
    "select 1 / (n - $1) as q from generate_series(1, 12001) as n",
    takes={"bad": "int4"},
    gives={"q": "int4"},
)


@pytest.mark.parametrize("autocommit", [True, False])
def test_all_rows_come_in_their_order(typed_url: str, autocommit: bool) -> None:
    with psycopg.connect(typed_url, autocommit=autocommit) as connection:
        for _ in range(2):
            assert many(connection, NUMBERS, [COUNT]) == list(range(1, COUNT + 1))
            connection.rollback()


def test_awaited_rows_come_in_their_order(typed_url: str) -> None:
    async def work() -> None:
        async with await AsyncConnection.connect(typed_url) as connection:
            for _ in range(2):
                rows = await awaited.many(connection, NUMBERS, [COUNT])
                assert rows == list(range(1, COUNT + 1))
                await connection.rollback()

    asyncio.run(work())


@pytest.mark.parametrize("autocommit", [True, False])
def test_a_value_in_a_late_portion_is_told_with_its_row(typed_url: str, autocommit: bool) -> None:
    with psycopg.connect(typed_url, autocommit=autocommit) as connection:
        many(connection, ENDLESS, [0])
        connection.rollback()
        with pytest.raises(Unreadable, match="row 11000 holds infinity"):
            many(connection, ENDLESS, [11_000])
        at_rest(connection)
        connection.rollback()
        assert many(connection, NUMBERS, [3]) == [1, 2, 3]


@pytest.mark.parametrize("autocommit", [True, False])
def test_an_error_after_some_portions_gives_no_row(typed_url: str, autocommit: bool) -> None:
    with psycopg.connect(typed_url, autocommit=autocommit) as connection:
        many(connection, FAILING, [0])
        connection.rollback()
        with pytest.raises(psycopg.errors.DivisionByZero):
            many(connection, FAILING, [11_000])
        at_rest(connection)
        connection.rollback()
        assert many(connection, NUMBERS, [3]) == [1, 2, 3]


def test_garbage_is_collected_again_after_a_result(typed_url: str) -> None:
    with psycopg.connect(typed_url, autocommit=True) as connection:
        assert gc.isenabled()
        many(connection, NUMBERS, [COUNT])
        assert gc.isenabled()
        with pytest.raises(Unreadable):
            many(connection, ENDLESS, [11_000])
        assert gc.isenabled()
        gc.disable()
        try:
            many(connection, NUMBERS, [COUNT])
            assert not gc.isenabled()
        finally:
            gc.enable()


def at_rest(connection: psycopg.Connection) -> None:
    assert connection.pgconn.pipeline_status == PipelineStatus.OFF
    assert connection.pgconn.transaction_status != TransactionStatus.ACTIVE
