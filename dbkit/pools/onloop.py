"""A pool for the tasks of an event loop; it needs no locks, as only one task runs at a time."""

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from dbkit.database import (
    CURRENT_ROLE,
    Prepare,
    explained,
    libpq_url,
    patience,
    refuse_other_role,
    set_prepare_mode,
    taking_on,
)
from dbkit.pools.errors import DatabaseClosed
from dbkit.pools.pipelining import Pipelined
from dbkit.pools.sizes import SizeChanges, Sizes, is_wanted, parameters
from dbkit.pools.stock import (
    Member,
    Statistics,
    Stock,
    is_lost,
    retry_pause,
    settings_of,
)
from dbkit.runtime import CommitUnknown, commit_awaited, probe_awaited
from dbkit.transactions import Options, async_transaction

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

T = TypeVar("T")
AsyncHook = Callable[[AsyncConnection[Any]], Awaitable[object]]

_logger = logging.getLogger("dbkit.pools")

# so many seconds a server has to answer when a connection is tested
_PATIENCE = 5.0
_ENDED = frozenset({TransactionStatus.IDLE, TransactionStatus.UNKNOWN})


class _Turn:
    """A task that waits for a connection."""

    __slots__ = ("ends", "future")

    def __init__(self, future: "asyncio.Future[Member[AsyncConnection[Any]]]", ends: float) -> None:
        self.future = future
        self.ends = ends

    def hand(self, member: Member[AsyncConnection[Any]]) -> bool:
        if self.future.done():
            return False
        self.future.set_result(member)
        return True

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class LoopPool:
    """The connections of an `AsyncDatabase`."""

    def __init__(  # noqa: PLR0913 - what a person may choose
        self,
        url: str,
        sizes: Sizes,
        *,
        connect_with: dict[str, Any],
        configure: AsyncHook | None,
        prepare: Prepare,
        role: str | None,
        reset: AsyncHook | None,
        reconnect_failed: Callable[[Exception], object] | None,
        name: str,
    ) -> None:
        self._url = url
        self._sizes = sizes
        self._parameters = connect_with
        self._configure = configure
        self._prepare: Prepare = prepare
        self._role = role
        self._reset = reset
        self._reconnect_failed = reconnect_failed
        self._name = name
        self.stock: Stock[AsyncConnection[Any]] = Stock(sizes)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Make the first connection, so that what is wrong is an error here and now."""
        if self.stock.is_open:
            return
        with explained(self._url, role=self._role):
            connection = await self._connect()
        member = await self._configured(connection)
        self._loop = asyncio.get_running_loop()
        self.stock.is_open = True
        self.stock.hand_out(member, self._loop.time())
        self._tend()

    async def close(self) -> None:
        """Close what is idle; what is lent is closed when it is given back."""
        for member in self.stock.close():
            await member.connection.close()
        if self._alarm is not None:
            self._alarm.cancel()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def take(self, patience: float | None) -> Member[AsyncConnection[Any]]:
        """Lend a connection that is sound, as far as can be known."""
        stock, loop = self.stock, self._loop
        if loop is None:
            raise DatabaseClosed(stock.is_closed)
        now = loop.time()
        if patience is None:
            patience = self._sizes.timeout
        member = stock.take()
        while True:
            if member is None:
                member = await self._wait(loop, patience, now + patience)
                # it was in use until now
                if member.tested == stock.doubt:
                    return member
            if stock.is_trusted(member, now):
                return member
            answers = False
            try:
                answers = await self._answers(member, now + patience - loop.time())
            finally:
                if not answers:
                    self._drop(member)
            if answers:
                return member
            member = stock.idle.pop() if stock.idle else None

    async def _wait(
        self, loop: asyncio.AbstractEventLoop, patience: float, ends: float
    ) -> Member[AsyncConnection[Any]]:
        stock = self.stock
        turn = _Turn(loop.create_future(), ends)
        stock.wait(turn)
        began = loop.time()
        self._tend()
        self._set_alarm(ends)
        try:
            return await turn.future
        except asyncio.CancelledError:
            future = turn.future
            if future.done() and not future.cancelled() and future.exception() is None:
                # handed over when the task was cancelled already
                stock.hand_out(future.result(), loop.time())
            else:
                with suppress(ValueError):
                    stock.waiting.remove(turn)
            raise
        except TimeoutError:
            raise stock.refusal(patience) from None
        finally:
            stock.wait_seconds += loop.time() - began

    async def _answers(self, member: Member[AsyncConnection[Any]], seconds: float) -> bool:
        """Whether the server answers, and is the one that was wanted."""
        tested = self.stock.doubt
        try:
            async with asyncio.timeout(min(seconds, _PATIENCE)):
                await probe_awaited(member.connection)
        except psycopg.Error:
            return False
        except TimeoutError:
            # their host may be silent as well
            for doubtful in self.stock.doubtful(asyncio.get_running_loop().time()):
                doubtful.pgconn.finish()
            return False
        member.tested = tested
        return member.pgconn.transaction_status == TransactionStatus.IDLE and is_wanted(
            member.pgconn, self.stock.wanted
        )

    async def give_back(
        self, member: Member[AsyncConnection[Any]], error: BaseException | None
    ) -> None:
        """Commit, or roll back after an error, and lend the connection to the next."""
        connection = member.connection
        try:
            if error is None:
                if not is_lost(member.pgconn):
                    await commit_awaited(connection)
            elif member.pgconn.transaction_status not in _ENDED:
                try:
                    await connection.rollback()
                except psycopg.Error as failed:
                    _logger.warning("a rollback failed, and its connection is closed: %s", failed)
                    await connection.close()
        finally:
            self._return(member)

    async def take_for_calls(self) -> Member[AsyncConnection[Any]]:
        """Lend a connection in autocommit mode."""
        member = await self.take(None)
        try:
            await member.connection.set_autocommit(True)
        except BaseException:
            self._return(member)
            raise
        return member

    def give_back_called(self, member: Member[AsyncConnection[Any]]) -> None:
        """Take back a connection that was lent for calls."""
        self._return(member)

    def _return(self, member: Member[AsyncConnection[Any]]) -> None:
        stock = self.stock
        if is_lost(member.pgconn) or not stock.is_fit(member):
            self._drop(member)
        elif self._reset is not None or settings_of(member.connection) != member.settings:
            # done by a task of its own: this one may be cancelled
            self._begin(self._clean(member))
        else:
            self._keep(member)

    def _keep(self, member: Member[AsyncConnection[Any]]) -> None:
        assert self._loop is not None  # noqa: S101 - it was lent, so the pool is open
        now = self._loop.time()
        if self.stock.is_closed or now >= member.expires:
            self._drop(member)
        else:
            self.stock.hand_out(member, now)

    async def _clean(self, member: Member[AsyncConnection[Any]]) -> None:
        """Make a connection what it was before it was lent."""
        connection = member.connection
        is_clean = False
        try:
            if self._reset is not None:
                await self._reset(connection)
                await commit_awaited(connection)
            if settings_of(connection) != member.settings:
                await _restore(connection, member.settings)
            is_clean = self.stock.is_fit(member)
        except Exception as error:  # noqa: BLE001 - the work of the caller is done, and stays so
            _logger.warning("a connection is closed, because its reset failed: %s", error)
        finally:
            if is_clean:
                self._keep(member)
            else:
                self._drop(member)

    def _drop(self, member: Member[AsyncConnection[Any]]) -> None:
        """Close a connection, and have another one made if it is missed."""
        stock = self.stock
        if is_lost(member.pgconn):
            stock.lost += 1
        else:
            stock.retired += 1
        member.pgconn.finish()
        stock.remove(member)
        self._tend()

    def _tend(self) -> None:
        """Begin to make the connections that are missed, and close those that are too old."""
        stock, loop = self.stock, self._loop
        if loop is None or stock.is_closed:
            return
        now = loop.time()
        for member in stock.outdated(now):
            member.pgconn.finish()
        while stock.begin_connecting(now):
            self._begin(self._add())
        pause = stock.pause(now)
        if pause is not None:
            self._set_alarm(now + pause)

    def _set_alarm(self, when: float) -> None:
        """Have a look at that time, or earlier."""
        alarm = self._alarm
        if alarm is not None:
            if alarm.when() <= when:
                return
            alarm.cancel()
        assert self._loop is not None  # noqa: S101 - asked by a pool that is open
        self._alarm = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._alarm = None
        stock = self.stock
        assert self._loop is not None  # noqa: S101 - the loop runs this
        now = self._loop.time()
        for turn in list(stock.waiting):
            assert isinstance(turn, _Turn)  # noqa: S101 - no other is put there
            if turn.ends <= now:
                stock.waiting.remove(turn)
                turn.fail(TimeoutError())
            else:
                self._set_alarm(turn.ends)
        self._tend()

    def _begin(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        assert self._loop is not None  # noqa: S101 - asked by a pool that is open
        task: asyncio.Task[None] = self._loop.create_task(work, name=self._name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _add(self) -> None:
        stock = self.stock
        assert self._loop is not None  # noqa: S101 - the loop runs this
        has_given_up = False
        try:
            try:
                connection = await self._connect()
                member = await self._configured(connection)
            finally:
                stock.connecting -= 1
        except Exception as error:  # noqa: BLE001 - told to who waits for a connection
            _logger.warning("connecting failed: %s", error)
            has_given_up = stock.fail(error, self._loop.time())
            self._tend()
            if has_given_up and self._reconnect_failed is not None:
                told = self._reconnect_failed(error)
                if inspect.isawaitable(told):
                    await told
            return
        self._keep(member)
        self._tend()

    async def _connect(self) -> AsyncConnection[Any]:
        url, role, given = self._url, self._role, self._parameters
        connect_with = patience(url, given) | given | taking_on(role, url, given)
        connection = await AsyncConnection[Any].connect(url, **connect_with)
        if role is not None:
            try:
                cursor = connection.cursor(row_factory=tuple_row)
                await cursor.execute(CURRENT_ROLE)
                refuse_other_role(await cursor.fetchone(), role, url)
                await commit_awaited(connection)
            except BaseException:
                await connection.close()
                raise
        return connection

    async def _configured(self, connection: AsyncConnection[Any]) -> Member[AsyncConnection[Any]]:
        try:
            # what the driver asks to know that `async with connection:` is not to close it
            vars(connection)["_pool"] = self
            set_prepare_mode(connection, self._prepare)
            if self._configure is not None:
                await self._configure(connection)
            await commit_awaited(connection)
        except BaseException:
            await connection.close()
            raise
        return self.stock.add(connection, connection.pgconn, asyncio.get_running_loop().time())


async def _restore(connection: AsyncConnection[Any], settings: tuple[Any, ...]) -> None:
    autocommit, isolation_level, read_only, deferrable, row_factory, threshold = settings
    await connection.set_autocommit(autocommit)
    await connection.set_isolation_level(isolation_level)
    await connection.set_read_only(read_only)
    await connection.set_deferrable(deferrable)
    connection.row_factory = row_factory
    connection.prepare_threshold = threshold


class _AsyncLending:
    """Lends a connection for the length of a block."""

    __slots__ = ("_member", "_pool", "_timeout")

    def __init__(self, pool: LoopPool, timeout: float | None) -> None:
        self._pool = pool
        self._timeout = timeout

    async def __aenter__(self) -> AsyncConnection:
        self._member = member = await self._pool.take(self._timeout)
        return member.connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        member = self._member
        del self._member
        await self._pool.give_back(member, error)


def open_async_database(  # noqa: PLR0913 - what a person may choose
    url: str,
    sizes: Sizes | None = None,
    *,
    prepare: Prepare = "auto",
    role: str | None = None,
    configure: AsyncHook | None = None,
    reset: AsyncHook | None = None,
    reconnect_failed: Callable[[Exception], object] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    name: str = "dbkit-pool",
    **changes: Unpack[SizeChanges],
) -> "AsyncDatabase":
    """Make a database that `async with`, or `await database.open()`, opens; as `open_database`."""
    chosen = replace(sizes or Sizes(), **changes)
    return AsyncDatabase(
        LoopPool(
            libpq_url(url),
            chosen,
            connect_with=parameters(kwargs, name=name, max_size=chosen.max_size),
            configure=configure,
            prepare=prepare,
            role=role,
            reset=reset,
            reconnect_failed=reconnect_failed,
            name=name,
        )
    )


class AsyncDatabase:
    """A pool of async connections."""

    def __init__(self, pool: LoopPool) -> None:
        self._pool = pool

    async def open(self) -> None:
        """Connect, or say what is wrong with the URL."""
        await self._pool.open()

    def connection(
        self, timeout: float | None = None
    ) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection; at the end it is committed, on an error rolled back.

        `timeout` is used instead of that of the sizes.
        """
        return _AsyncLending(self._pool, timeout)

    @asynccontextmanager
    async def transaction(self, **options: Unpack[Options]) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection in a transaction with these options."""
        async with self.connection() as connection, _awaited_within(connection, options):
            yield connection

    @asynccontextmanager
    async def pipelined(self, connections: int = 2) -> AsyncGenerator[AsyncConnection]:
        """Give a connection that many tasks make single calls with at the same time.

        So many connections are lent for the block, and the calls of all tasks go over them
        together. Each call is a transaction of its own.
        """
        pool = self._pool
        shared = Pipelined(pool.take_for_calls, pool.give_back_called, connections)
        try:
            yield await shared.open()
        finally:
            await shared.close()

    async def retry(
        self,
        function: Callable[[AsyncConnection], Awaitable[T]],
        *,
        attempts: int = 5,
        **options: Unpack[Options],
    ) -> T:
        """Await a function in a transaction, and again in a new one if transactions collided."""
        stock = self._pool.stock
        attempt = 0
        while True:
            attempt += 1
            lent: PGconn | None = None
            begun = False
            try:
                async with self.connection() as connection:
                    lent = connection.pgconn
                    async with _awaited_within(connection, options):
                        begun = True
                        return await function(connection)
            except psycopg.Error as error:
                if not stock.may_try_again(error, lent, begun=begun) or attempt >= attempts:
                    raise
            stock.retries += 1
            await asyncio.sleep(retry_pause(attempt))

    def statistics(self) -> Statistics:
        """Give the counters of the pool and of its connections' statements."""
        return self._pool.stock.statistics()

    async def close(self) -> None:
        """Close the connections; one that is lent is closed when it is given back."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


@asynccontextmanager
async def _awaited_within(connection: AsyncConnection, options: Options) -> AsyncGenerator[None]:
    """Run a block in a transaction, and say so if nobody knows whether it was committed."""
    is_done = False
    try:
        async with async_transaction(connection, **options):
            yield
            is_done = True
    except psycopg.OperationalError as error:
        if is_done and is_lost(connection.pgconn):
            raise CommitUnknown from error
        raise
