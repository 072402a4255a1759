"""After a promotion the pool works again, and what was acknowledged is there once."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import psycopg
import pytest
from psycopg import AsyncConnection, Connection

from dbkit.pools import CommitUnknown, Database, open_async_database, open_database
from dbkit.server import Binaries
from tests.pools.replicas import Replicas, replicas

_logger = logging.getLogger(__name__)

# the long form: so many promotions one after the other
PROMOTIONS = int(os.environ.get("DBKIT_TEST_PROMOTIONS", "1"))
WRITERS = 4
AWAITED = 9
ADD = "insert into notes values (%s, %s)"


@pytest.fixture(params=range(PROMOTIONS))
def servers(binaries: Binaries) -> Iterator[Replicas]:
    """A primary and its standby."""
    with replicas(binaries) as servers:
        yield servers


class Writer(threading.Thread):
    """Writes numbers, and remembers which were acknowledged and of which it does not know."""

    def __init__(self, database: Database, writer: int) -> None:
        super().__init__(daemon=True)
        self.database = database
        self.writer = writer
        self.ends = threading.Event()
        self.acknowledged: list[tuple[int, float]] = []
        self.unknown: list[int] = []
        self.refused = 0

    def run(self) -> None:
        n = 0
        while not self.ends.is_set():
            n += 1

            def add(connection: Connection, n: int = n) -> None:
                connection.execute(ADD, [n, self.writer])

            try:
                self.database.retry(add)
            except CommitUnknown:
                self.unknown.append(n)
            except psycopg.OperationalError:
                self.refused += 1
            else:
                self.acknowledged.append((n, time.monotonic()))


def numbers(database: Database, writer: int) -> list[int]:
    with database.connection() as connection:
        rows = connection.execute("select n from notes where writer = %s order by n", [writer])
        return [n for (n,) in rows]


def test_what_was_acknowledged_is_there_once_after_a_promotion(servers: Replicas) -> None:
    stopped = threading.Event()
    with open_database(servers.url, min_size=4, max_size=4, timeout=60) as database:
        writers = [Writer(database, number) for number in range(WRITERS)]
        awaited = threading.Thread(target=asyncio.run, args=(add_awaited(servers, stopped),))
        awaited.start()
        for writer in writers:
            writer.start()
        time.sleep(0.3)
        servers.primary.stop()
        stopped.set()
        went = time.monotonic()
        time.sleep(0.7)
        servers.promote()
        promoted = time.monotonic()
        while not all(w.acknowledged and w.acknowledged[-1][1] > promoted for w in writers):
            time.sleep(0.01)
        again = max(next(at for _, at in w.acknowledged if at > promoted) for w in writers)
        for writer in writers:
            writer.ends.set()
            writer.join(60)
        awaited.join(60)
        _logger.info("down for %.1f s, works after %.2f s", promoted - went, again - promoted)

        for writer in writers:
            found = numbers(database, writer.writer)
            assert len(set(found)) == len(found)
            assert {n for n, _ in writer.acknowledged} <= set(found)
            assert set(found) <= {n for n, _ in writer.acknowledged} | set(writer.unknown)
        assert numbers(database, AWAITED) == list(range(9))
        # no storm: one attempt at a time, with a pause after each
        assert database.statistics().failed <= 3 + 6 * (again - went)


async def add_awaited(servers: Replicas, stopped: threading.Event) -> None:
    """Write one number before the primary stops, and eight when no server can be written to."""

    async def add(connection: AsyncConnection, n: int = 0) -> None:
        await connection.execute(ADD, [n, AWAITED])

    async with open_async_database(servers.url, min_size=3, max_size=3, timeout=60) as database:
        await database.retry(add)
        await asyncio.to_thread(stopped.wait)
        await asyncio.gather(*(database.retry(partial(add, n=n)) for n in range(1, 9)))


def wait_for_the_fence(connection: Connection) -> None:
    """Wait until the session has read the setting: each server process does so in its own time."""
    asked = b"select current_setting('default_transaction_read_only')"
    while connection.execute(asked).fetchone() != ("on",):
        connection.rollback()
        time.sleep(0.01)


def test_a_primary_that_is_fenced_is_left(servers: Replicas) -> None:
    with open_database(servers.url, min_size=3, max_size=3, timeout=60) as database:
        with database.connection() as a, database.connection() as b, database.connection() as c:
            fenced = {connection.info.host for connection in (a, b, c)}
            servers.catch_up()
            servers.promote()
            servers.run(
                servers.primary,
                b"alter system set default_transaction_read_only = on",
                b"select pg_reload_conf()",
            )
            for connection in (a, b, c):
                wait_for_the_fence(connection)
        with database.connection() as connection, suppress(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute(ADD, [0, 0])
        database.retry(lambda connection: connection.execute(ADD, [1, 0]) and None)
        with database.connection() as a, database.connection() as b, database.connection() as c:
            hosts = {connection.info.host for connection in (a, b, c)}

        assert len(fenced) == len(hosts) == 1
        assert not fenced & hosts
        assert numbers(database, 0)[-1] == 1
