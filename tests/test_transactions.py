"""A transaction is what its caller says, and what is said of it ends with it."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import AsyncConnection, Connection
from psycopg.pq import PipelineStatus, TransactionStatus

from dbkit.transactions import Isolation, NestedTransaction, Options, async_transaction, transaction
from tests.conftest import Reach


def now(connection: Connection, name: str) -> str | None:
    row = connection.execute("select current_setting(%s, true)", [name]).fetchone()
    assert row is not None
    setting: str | None = row[0]
    return setting


@pytest.fixture
def autocommit(empty_url: str, reach: Reach) -> Iterator[Connection]:
    """A connection on which nothing is begun."""
    with psycopg.connect(reach(empty_url), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_transaction_is_isolated_as_said(autocommit: Connection, isolation: Isolation) -> None:
    with transaction(autocommit, isolation=isolation, read_only=True, deferrable=True):
        aspects = [now(autocommit, f"transaction_{aspect}") for aspect in _ASPECTS]

    assert aspects == [isolation, "on", "on"]


_ASPECTS = ("isolation", "read_only", "deferrable")


@pytest.mark.usefixtures("own_session")
def test_nothing_said_is_as_the_server_has_it(autocommit: Connection) -> None:
    autocommit.execute("set default_transaction_isolation to serializable")

    with transaction(autocommit):
        assert now(autocommit, "transaction_isolation") == "serializable"


def test_a_setting_is_this_transactions_alone(autocommit: Connection) -> None:
    quoted = "'; drop table x; -- \\ \""
    with transaction(autocommit, settings={"app.user_id": UUID(int=1), "app.name": quoted}):
        inside = now(autocommit, "app.user_id"), now(autocommit, "app.name")

    assert inside == (str(UUID(int=1)), quoted)
    # empty where it was set before, and behind a pooler that may be another session
    assert now(autocommit, "app.user_id") in {"", None}


def test_a_transaction_with_settings_is_no_pipeline(autocommit: Connection) -> None:
    with transaction(autocommit, settings={"app.user_id": 1}):
        outer = autocommit.pgconn.pipeline_status
        with transaction(autocommit, settings={"app.user_id": 2}):
            inner = autocommit.pgconn.pipeline_status

    assert (outer, inner) == (PipelineStatus.OFF, PipelineStatus.OFF)


def test_a_setting_that_is_refused_leaves_nothing_begun(autocommit: Connection) -> None:
    with (
        pytest.raises(psycopg.errors.InvalidParameterValue),
        transaction(autocommit, settings={"role": "nobody has this name"}),
    ):
        pass

    assert autocommit.pgconn.transaction_status == TransactionStatus.IDLE
    assert autocommit.pgconn.pipeline_status == PipelineStatus.OFF


def test_row_level_security_sees_the_setting(autocommit: Connection) -> None:
    autocommit.execute(
        "create table notes (owner text); insert into notes values ('a'), ('b');"
        "alter table notes enable row level security;"
        "create policy own on notes using (owner = current_setting('app.user_id', true));"
        "create role note_reader; grant select on notes to note_reader"
    )
    try:
        with transaction(autocommit, settings={"app.user_id": "b", "role": "note_reader"}):
            owners = autocommit.execute("select owner from notes").fetchall()
    finally:
        autocommit.execute("drop table notes; drop role note_reader")

    assert owners == [("b",)]


def test_a_transaction_inside_another_is_a_savepoint(autocommit: Connection) -> None:
    with transaction(autocommit):
        autocommit.execute("create table kept ()")
        with pytest.raises(psycopg.errors.DivisionByZero), transaction(autocommit):
            autocommit.execute("create table gone (); select 1 / 0")

    tables = autocommit.execute("select to_regclass('kept') is null, to_regclass('gone') is null")
    assert tables.fetchone() == (False, True)


def test_a_savepoints_settings_end_with_it(autocommit: Connection) -> None:
    with transaction(autocommit, settings={"app.user_id": "outer"}):
        with transaction(autocommit, settings={"app.user_id": "inner", "app.other": "x"}):
            inside = now(autocommit, "app.user_id")
        after = now(autocommit, "app.user_id"), now(autocommit, "app.other")

    assert inside == "inner"
    assert after == ("outer", "")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (Options(isolation="serializable"), "isolation level serializable"),
        (Options(read_only=True, deferrable=False), "read only, not deferrable"),
    ],
)
def test_only_the_outermost_can_be_isolated(
    autocommit: Connection, options: Options, wanted: str
) -> None:
    with (
        transaction(autocommit),
        pytest.raises(NestedTransaction, match=f"^{wanted} is for the outermost"),
        transaction(autocommit, **options),
    ):
        pass


def test_no_word_of_a_callers_becomes_sql(autocommit: Connection) -> None:
    wrong: Any = "serializable; drop table x"

    with pytest.raises(KeyError), transaction(autocommit, isolation=wrong):
        pass


def test_the_same_can_be_awaited(empty_url: str, reach: Reach) -> None:
    async def show(connection: AsyncConnection, name: str) -> str:
        cursor = await connection.execute("select current_setting(%s, true)", [name])
        row = await cursor.fetchone()
        assert row is not None
        return row[0] or ""

    async def work() -> list[str]:
        async with await AsyncConnection.connect(reach(empty_url), autocommit=True) as connection:
            settings: list[str] = []
            options = Options(isolation="serializable", settings={"app.user_id": "outer"})
            async with async_transaction(connection, **options):
                settings.append(await show(connection, "transaction_isolation"))
                async with async_transaction(connection, settings={"app.user_id": "inner"}):
                    settings.append(await show(connection, "app.user_id"))
                settings.append(await show(connection, "app.user_id"))
                with pytest.raises(NestedTransaction):
                    async with async_transaction(connection, read_only=True):
                        pass
            settings.append(await show(connection, "app.user_id"))
            return settings

    assert asyncio.run(work()) == ["serializable", "inner", "outer", ""]
