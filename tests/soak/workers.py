"""Who makes the calls: threads and tasks, with a connection alone, a shared one or a pool."""

import asyncio
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any, TypeAlias

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.pq import ConnStatus, PipelineStatus, TransactionStatus

from dbkit.database import Prepare, set_prepare_mode
from dbkit.pools import AsyncDatabase, Database
from tests.soak.calls import MIX, AnyConnection, Call, Caller, run_blocking
from tests.soak.ledger import Ledger

# lends a connection for one call
Lender: TypeAlias = Callable[[], AbstractAsyncContextManager[AnyConnection]]

# such calls are one message or one group, so that others may come between two of them
ALONE: tuple[Call, ...] = (
    Caller.read_one,
    Caller.read_some,
    Caller.sleep,
    Caller.write_one,
    Caller.write_back,
    Caller.write_a_batch,
    Caller.write_a_batch_with_rows,
    Caller.write_a_copy,
    Caller.write_a_mood,
    Caller.read_a_mood,
)
# one of so many calls is cancelled, where that can be done
_CANCELLED = 20
_LOSES_NAMES = 500
# seconds
_PAUSE = 0.05


class Single:
    """A connection of one worker, opened again when it is lost."""

    def __init__(  # noqa: PLR0913 - what a connection can be like
        self,
        url: str,
        ledger: Ledger,
        *,
        prepare: Prepare = "auto",
        autocommit: bool = True,
        loses_names: bool = False,
        is_shared: bool = False,
    ) -> None:
        self._url = url
        self._ledger = ledger
        self._prepare: Prepare = prepare
        self._autocommit = autocommit
        self._loses_names = loses_names
        self._is_shared = is_shared
        self._random = Random(url)  # noqa: S311 - no secret
        self._lock = threading.Lock()
        self.connection: Connection[Any] | None = None

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[AnyConnection]:
        """Lend the connection, and look what a call leaves behind on it."""
        with self._lock:
            connection = self.connection
            if connection is None or connection.closed:
                connection = self.connection = psycopg.connect(
                    self._url, autocommit=self._autocommit, prepare_threshold=None
                )
                set_prepare_mode(connection, self._prepare)
        if self._loses_names and not self._random.randrange(_LOSES_NAMES):
            connection.execute(self._random.choice([b"discard all", b"deallocate all"]))
        try:
            yield connection
        finally:
            if not self._is_shared:
                look_at(connection, self._ledger)
                if not connection.closed and not self._autocommit:
                    try:
                        connection.rollback()
                    except psycopg.Error:
                        # it may be cancelled too
                        connection.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self.connection is not None:
            self.connection.close()


class AsyncSingle:
    """The same for tasks."""

    def __init__(
        self, url: str, ledger: Ledger, *, prepare: Prepare = "auto", is_shared: bool = False
    ) -> None:
        self._url = url
        self._ledger = ledger
        self._prepare: Prepare = prepare
        self._is_shared = is_shared
        self._lock = asyncio.Lock()
        self.connection: AsyncConnection[Any] | None = None

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[AnyConnection]:
        """Lend the connection, and look what a call leaves behind on it."""
        async with self._lock:
            connection = self.connection
            if connection is None or connection.closed:
                connection = await AsyncConnection.connect(
                    self._url, autocommit=True, prepare_threshold=None
                )
                set_prepare_mode(connection, self._prepare)
                self.connection = connection
        try:
            yield connection
        finally:
            if not self._is_shared:
                look_at(connection, self._ledger)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self.connection is not None:
            await self.connection.close()


def look_at(connection: AnyConnection, ledger: Ledger) -> None:
    """Tell what a call left behind on a connection that nobody else uses."""
    pgconn = connection.pgconn
    if pgconn.status == ConnStatus.BAD:
        return
    left = ""
    if pgconn.pipeline_status != PipelineStatus.OFF:
        left = "in a pipeline"
    elif pgconn.transaction_status == TransactionStatus.ACTIVE:
        left = "with an answer to come"
    elif connection.autocommit and pgconn.transaction_status != TransactionStatus.IDLE:
        left = "in a transaction"
    if left:
        ledger.tell_wrong(f"a connection is left {left} after {traceback.format_exc()}")


def of_pool(database: Database) -> Lender:
    """Lend a connection of a pool."""

    @asynccontextmanager
    async def lend() -> AsyncGenerator[AnyConnection]:
        with database.connection() as connection:
            yield connection

    return lend


def of_async_pool(database: AsyncDatabase) -> Lender:
    """Lend a connection of a pool to a task."""

    @asynccontextmanager
    async def lend() -> AsyncGenerator[AnyConnection]:
        async with database.connection() as connection:
            yield connection

    return lend


def work_in_a_thread(
    name: str, lend: Lender, ledger: Ledger, seed: int, calls: Sequence[Call] | None = None
) -> None:
    """Make calls that block, until enough are made."""
    random = Random(seed)  # noqa: S311 - no secret
    while ledger.goes_on():
        call = _choose(random, calls)
        with ledger.at_work(name, call.__name__):
            try:
                run_blocking(_lent(lend, call, ledger, random))
            except psycopg.OperationalError:
                # while the server is away there is no use in asking without a pause
                time.sleep(_PAUSE)
                raise


async def work_in_a_task(
    name: str, lend: Lender, ledger: Ledger, seed: int, calls: Sequence[Call] | None = None
) -> None:
    """Make awaited calls until enough are made; some are cancelled, at any moment."""
    random = Random(seed)  # noqa: S311 - no secret
    while ledger.goes_on():
        call = _choose(random, calls)
        with ledger.at_work(name, call.__name__):
            if random.randrange(_CANCELLED):
                try:
                    await _lent(lend, call, ledger, random)
                except psycopg.OperationalError:
                    await asyncio.sleep(_PAUSE)
                    raise
                continue
            task = asyncio.create_task(_lent(lend, call, ledger, random))
            await asyncio.sleep(random.random() * random.choice([0.0005, 0.003, 0.02]))
            for _ in range(random.choice([1, 1, 1, 2])):
                task.cancel()
                await asyncio.sleep(0)
            try:
                await task
            except asyncio.CancelledError:
                ledger.told["cancelled"] += 1


async def _lent(lend: Lender, call: Call, ledger: Ledger, random: Random) -> None:
    async with lend() as connection:
        await call(Caller(connection, ledger, random))


def _choose(random: Random, calls: Sequence[Call] | None) -> Call:
    if calls is not None:
        return random.choice(calls)
    return random.choices(_CALLS, _WEIGHTS)[0]


_CALLS, _WEIGHTS = list(MIX), list(MIX.values())
