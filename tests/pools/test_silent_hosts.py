"""A host that takes all and says nothing holds nobody up for longer than is stated."""

import asyncio
import socket
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest

from dbkit.database import connect, patience
from dbkit.pools import Statistics, blocking, onloop, open_async_database, open_database
from tests.pools.relays import relay

LIVENESS = {
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}


@pytest.mark.parametrize(
    ("url", "given", "set_"),
    [
        ("postgresql://db/shop", {}, {"connect_timeout": 30, **LIVENESS}),
        ("postgresql://one,two/shop", {}, {"connect_timeout": 5, **LIVENESS}),
        ("hostaddr=127.0.0.1,127.0.0.2", {}, {"connect_timeout": 5, **LIVENESS}),
        ("postgresql://one,two/shop?connect_timeout=9", {}, LIVENESS),
        ("postgresql://one,two/shop", {"connect_timeout": 9}, LIVENESS),
        ("postgresql://db/shop?keepalives=0", {}, {"connect_timeout": 30}),
        ("postgresql://db/shop?tcp_user_timeout=1", {}, {"connect_timeout": 30}),
        ("postgresql://db/shop", {"keepalives_idle": 9}, {"connect_timeout": 30}),
        ("service=shop", {}, {"connect_timeout": 30}),
    ],
)
def test_how_long_a_host_may_be_silent_is_said_where_nobody_says_it(
    url: str, given: Mapping[str, Any], set_: Mapping[str, Any]
) -> None:
    assert patience(url, given) == set_


def test_the_environment_says_it_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "one,two")
    assert patience("dbname=shop")["connect_timeout"] == 5
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "9")
    assert patience("dbname=shop") == LIVENESS
    monkeypatch.setenv("PGSERVICE", "shop")
    assert patience("dbname=shop") == {}


def test_the_next_host_is_tried_when_one_takes_a_connection_and_says_nothing(
    empty_url: str,
) -> None:
    async def open_awaited() -> None:
        async with open_async_database(host.first) as database, database.connection() as lent:
            await lent.execute("select 1")

    def open_pool() -> None:
        with open_database(host.first) as database, database.connection() as lent:
            lent.execute("select 1")

    with ThreadPoolExecutor() as threads, relay(empty_url) as host:
        host.fall_silent()
        for opened in [
            threads.submit(lambda: connect(host.first).close()),
            threads.submit(open_pool),
            threads.submit(lambda: asyncio.run(open_awaited())),
        ]:
            # the driver alone waits for two minutes
            opened.result(timeout=40)


@pytest.mark.skipif(sys.platform != "linux", reason="the options have other names elsewhere")
def test_the_system_ends_a_connection_whose_host_is_silent(empty_url: str) -> None:
    with (
        relay(empty_url) as host,
        open_database(host.first) as database,
        database.connection() as lent,
    ):
        end = socket.socket(fileno=lent.fileno())
        options = ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
        try:
            found = [end.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in options]
        finally:
            end.detach()

    assert found == [15_000, 5, 5, 2]


def test_of_idle_connections_to_a_silent_host_one_is_waited_for(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocking, "_PATIENCE", 0.5)
    tested = count_calls(monkeypatch, blocking.BlockingPool, "_answers")
    with (
        relay(empty_url) as host,
        open_database(host.first, check_after=0, kwargs={"connect_timeout": 2}) as database,
    ):
        with ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(database.connection())
        # on a busy machine a host may have been slow before
        before = database.statistics()
        tested.clear()
        host.fall_silent()

        with database.connection() as lent:
            lent.execute("select 1")
            after = database.statistics()

    assert len(tested) == 1
    assert (after.size, after.idle, after.retired - before.retired) == (1, 0, 5)


def test_of_idle_connections_on_a_loop_to_a_silent_host_one_is_waited_for(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(onloop, "_PATIENCE", 0.5)
    tested = count_calls(monkeypatch, onloop.LoopPool, "_answers")

    async def take(url: str) -> tuple[Statistics, Statistics]:
        async with open_async_database(
            url, check_after=0, kwargs={"connect_timeout": 2}
        ) as database:
            async with AsyncExitStack() as stack:
                for _ in range(5):
                    await stack.enter_async_context(database.connection())
            # on a busy machine a host may have been slow before
            before = database.statistics()
            tested.clear()
            host.fall_silent()

            async with database.connection() as lent:
                await lent.execute("select 1")
                return before, database.statistics()

    with relay(empty_url) as host:
        before, after = asyncio.run(take(host.first))

    assert len(tested) == 1
    assert (after.size, after.idle, after.retired - before.retired) == (1, 0, 5)
    # the driver asks the silent host to cancel what it waits for, which takes ten seconds
    assert [record for record in caplog.records if record.name == "psycopg"] == []


def count_calls(patch: pytest.MonkeyPatch, owner: type, name: str) -> list[None]:
    """Note the calls of a method, which does what it does."""
    calls: list[None] = []
    method = getattr(owner, name)

    def counted(*arguments: object) -> object:
        calls.append(None)
        return method(*arguments)

    patch.setattr(owner, name, counted)
    return calls
