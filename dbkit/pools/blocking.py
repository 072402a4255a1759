"""A pool for threads: connections that are lent to whoever asks, and made by threads of its own."""

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack
from weakref import finalize

import psycopg
from psycopg import Connection
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
from dbkit.pools.sizes import SizeChanges, Sizes, is_wanted, parameters
from dbkit.pools.stock import Member, Statistics, Stock, is_lost, retry_pause, settings_of
from dbkit.runtime import CommitUnknown, commit
from dbkit.transactions import Options, transaction

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

T = TypeVar("T")
Hook = Callable[[Connection[Any]], object]

_logger = logging.getLogger("dbkit.pools")

# so many seconds a server has to answer when a connection is tested
_PATIENCE = 5.0


class _Place:
    """A thread that waits for a connection; all but waiting happens under the pool's lock."""

    __slots__ = ("error", "gate", "member")

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.gate.acquire()
        self.member: Member[Connection[Any]] | None = None
        self.error: Exception | None = None

    def hand(self, member: Member[Connection[Any]]) -> bool:
        self.member = member
        self.gate.release()
        return True

    def fail(self, error: Exception) -> None:
        self.error = error
        self.gate.release()


class BlockingPool:
    """The connections of a `Database`."""

    def __init__(  # noqa: PLR0913 - what a person may choose
        self,
        url: str,
        sizes: Sizes,
        *,
        connect_with: dict[str, Any],
        role: str | None,
        configure: Hook,
        reset: Hook | None,
        reconnect_failed: Callable[[Exception], object] | None,
        name: str,
    ) -> None:
        self._url = url
        self._sizes = sizes
        self._parameters = connect_with
        self._role = role
        self._configure = configure
        self._reset = reset
        self._reconnect_failed = reconnect_failed
        self._name = name
        self.stock: Stock[Connection[Any]] = Stock(sizes)
        # a database that is freed closes its pool, at any moment and in any thread, so also in one
        # that holds the lock
        self._lock = threading.RLock()
        # told when there is work for the threads that make connections
        self._work = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []

    def open(self) -> None:
        """Make the first connection, so that what is wrong is an error here and now."""
        if self.stock.is_open:
            return
        with explained(self._url, role=self._role):
            connection = self._connect()
        with self._work:
            self.stock.is_open = True
            member = self._configured(connection)
            self.stock.hand_out(member, time.monotonic())
            for number in range(min(self._sizes.num_workers, self._sizes.max_size)):
                thread = threading.Thread(
                    target=self._keep, name=f"{self._name}-{number + 1}", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        """Close what is idle; what is lent is closed when it is given back."""
        self.abandon()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_PATIENCE)

    def abandon(self) -> None:
        """Close what is idle, and leave the threads to end by themselves."""
        with self._work:
            idle = self.stock.close()
            self._work.notify_all()
        for member in idle:
            member.connection.close()

    def statistics(self) -> Statistics:
        """Give all counters as they are at one moment."""
        with self._lock:
            return self.stock.statistics()

    def take(self, timeout: float | None) -> Member[Connection[Any]]:
        """Lend a connection that is sound, as far as can be known."""
        stock = self.stock
        now = time.monotonic()
        if timeout is None:
            timeout = self._sizes.timeout
        with self._lock:
            member = stock.take()
        while True:
            if member is None:
                member = self._wait(timeout, now + timeout)
                # it was in use until now
                if member.tested == stock.doubt:
                    return member
            if stock.is_trusted(member, now) or self._answers(member, now + timeout):
                return member
            self._drop(member)
            member = None
            with self._lock:
                if stock.idle:
                    member = stock.idle.pop()

    def _wait(self, timeout: float, ends: float) -> Member[Connection[Any]]:
        stock = self.stock
        place = _Place()
        began = time.monotonic()
        try:
            with self._work:
                if stock.idle:
                    # given back since this caller looked
                    return stock.idle.pop()
                stock.wait(place)
                self._work.notify()
            place.gate.acquire(timeout=min(max(ends - began, 0), threading.TIMEOUT_MAX))
        except BaseException:
            with self._lock:
                self._leave(place)
                if place.member is not None:
                    stock.hand_out(place.member, time.monotonic())
            raise
        with self._lock:
            now = time.monotonic()
            stock.wait_seconds += now - began
            if place.member is None:
                self._leave(place)
                raise place.error or stock.refusal(timeout)
            return place.member

    def _leave(self, place: _Place) -> None:
        with suppress(ValueError):
            self.stock.waiting.remove(place)

    def _answers(self, member: Member[Connection[Any]], ends: float) -> bool:
        """Whether the server answers, and is the one that was wanted."""
        stock, pgconn = self.stock, member.pgconn
        tested = stock.doubt
        try:
            pgconn.send_query(b"")
            pgconn.flush()
            ends = min(ends, time.monotonic() + _PATIENCE)
            while pgconn.is_busy():
                if not member.poll.poll(max(ends - time.monotonic(), 0) * 1000):
                    self._drop_doubtful()
                    return False
                pgconn.consume_input()
            while pgconn.get_result() is not None:
                pass
        except psycopg.Error:
            return False
        member.tested = tested
        return pgconn.transaction_status == TransactionStatus.IDLE and is_wanted(
            pgconn, stock.wanted
        )

    def give_back(self, member: Member[Connection[Any]], error: BaseException | None) -> None:
        """Commit, or roll back after an error, and lend the connection to the next."""
        connection = member.connection
        try:
            if error is None:
                if not is_lost(member.pgconn):
                    commit(connection)
            elif member.pgconn.transaction_status not in _ENDED:
                try:
                    connection.rollback()
                except psycopg.Error as failed:
                    _logger.warning("a rollback failed, and its connection is closed: %s", failed)
                    connection.close()
        finally:
            self._return(member)

    def _return(self, member: Member[Connection[Any]]) -> None:
        stock, connection = self.stock, member.connection
        now = time.monotonic()
        try:
            if self._reset is not None and not is_lost(member.pgconn):
                self._reset(connection)
                commit(connection)
            is_fit = stock.is_fit(member) and now < member.expires and not stock.is_closed
            if is_fit and settings_of(connection) != member.settings:
                _restore(connection, member.settings)
        except Exception as error:  # noqa: BLE001 - the work of the caller is done, and stays so
            _logger.warning("a connection is closed, because its reset failed: %s", error)
            is_fit = False
        if not is_fit:
            self._drop(member)
            return
        with self._lock:
            if not stock.is_closed:
                stock.hand_out(member, now)
                return
        self._drop(member)

    def _drop(self, member: Member[Connection[Any]]) -> None:
        """Close a connection, and have another one made if it is missed."""
        was_lost = is_lost(member.pgconn)
        with suppress(psycopg.Error):
            member.pgconn.finish()
        with self._work:
            stock = self.stock
            stock.remove(member)
            if was_lost:
                stock.lost += 1
            else:
                stock.retired += 1
            self._work.notify()

    def _drop_doubtful(self) -> None:
        """Close the idle connections that nobody needs to wait for: their host may be silent."""
        with self._lock:
            doubtful = self.stock.doubtful(time.monotonic())
        for member in doubtful:
            member.pgconn.finish()

    def _keep(self) -> None:
        """Make connections while they are missed, and close those that are too old."""
        stock = self.stock
        while True:
            with self._work:
                while True:
                    if stock.is_closed:
                        return
                    now = time.monotonic()
                    old = stock.outdated(now)
                    is_wanted_now = not old and stock.begin_connecting(now)
                    if old or is_wanted_now:
                        break
                    self._work.wait(stock.pause(now))
            for member in old:
                member.connection.close()
            if is_wanted_now:
                self._add()

    def _add(self) -> None:
        stock = self.stock
        try:
            connection = self._connect()
            member = self._configured(connection)
        except Exception as error:  # noqa: BLE001 - told to who waits for a connection
            _logger.warning("connecting failed: %s", error)
            with self._work:
                stock.connecting -= 1
                has_given_up = stock.fail(error, time.monotonic())
                self._work.notify()
            if has_given_up and self._reconnect_failed is not None:
                self._reconnect_failed(error)
            return
        with self._work:
            stock.connecting -= 1
            if not stock.is_closed:
                stock.hand_out(member, time.monotonic())
                # others may be wanted as well, and can be made now
                self._work.notify_all()
                return
        self._drop(member)

    def _connect(self) -> Connection[Any]:
        url, role, given = self._url, self._role, self._parameters
        connect_with = patience(url, given) | given | taking_on(role, url, given)
        connection = Connection[Any].connect(url, **connect_with)
        if role is not None:
            try:
                cursor = connection.cursor(row_factory=tuple_row)
                refuse_other_role(cursor.execute(CURRENT_ROLE).fetchone(), role, url)
                commit(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    def _configured(self, connection: Connection[Any]) -> Member[Connection[Any]]:
        try:
            # what the driver asks to know that `with connection:` is not to close it
            vars(connection)["_pool"] = self
            self._configure(connection)
            commit(connection)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            return self.stock.add(connection, connection.pgconn, time.monotonic())


_ENDED = frozenset({TransactionStatus.IDLE, TransactionStatus.UNKNOWN})


def _restore(connection: Connection[Any], settings: tuple[Any, ...]) -> None:
    (
        connection.autocommit,
        connection.isolation_level,
        connection.read_only,
        connection.deferrable,
        connection.row_factory,
        connection.prepare_threshold,
    ) = settings


class _Lending:
    """Lends a connection for the length of a block."""

    __slots__ = ("_member", "_pool", "_timeout")

    def __init__(self, pool: BlockingPool, timeout: float | None) -> None:
        self._pool = pool
        self._timeout = timeout

    def __enter__(self) -> Connection:
        self._member = member = self._pool.take(self._timeout)
        return member.connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        member = self._member
        del self._member
        self._pool.give_back(member, error)


def open_database(  # noqa: PLR0913 - what a person may choose
    url: str,
    sizes: Sizes | None = None,
    *,
    prepare: Prepare = "auto",
    role: str | None = None,
    configure: Hook | None = None,
    reset: Hook | None = None,
    reconnect_failed: Callable[[Exception], object] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    name: str = "dbkit-pool",
    open: bool = True,  # noqa: A002 - the word of psycopg's pool
    **changes: Unpack[SizeChanges],
) -> "Database":
    """Open a database; call `close()` when the program ends, or use it in a `with`.

    `sizes` is `STEADY`, `OVERFLOWING` or a `Sizes` of your own. Each of its fields can be set
    by name instead: `open_database(url, STEADY, max_size=50)`. `prepare` says whether statements
    are prepared by name: "auto", if no pooler stands between, "always" or "never".

    With `role`, every connection begins as that role, so that its rights and the policies of
    row-level security apply, and not those of the user in the URL; `reset role` goes back to it.
    Behind a pooler, which passes no role on, the user in the URL has to be that role itself.

    `configure` is called with each new connection, and `reset` with each that is given back.
    `kwargs` are parameters of psycopg's `connect`. `reconnect_failed` is called with the error
    when no connection could be made for `reconnect_timeout` seconds. `name` is that of the
    threads, and what the server shows of the connections unless the URL has an application_name.
    With `open=False` it is opened by `open()`, or by the `with`.
    """
    prepared = partial(set_prepare_mode, mode=prepare)

    def configured(connection: Connection[Any]) -> None:
        prepared(connection)
        if configure is not None:
            configure(connection)

    chosen = replace(sizes or Sizes(), **changes)
    database = Database(
        BlockingPool(
            libpq_url(url),
            chosen,
            connect_with=parameters(kwargs, name=name, max_size=chosen.max_size),
            role=role,
            configure=configured,
            reset=reset,
            reconnect_failed=reconnect_failed,
            name=name,
        )
    )
    if open:
        database.open()
    return database


class Database:
    """A pool of connections."""

    def __init__(self, pool: BlockingPool) -> None:
        self._pool = pool
        # who forgets to close it leaves no threads behind
        finalize(self, pool.abandon)

    def open(self) -> None:
        """Connect, or say what is wrong with the URL."""
        self._pool.open()

    def connection(self, timeout: float | None = None) -> AbstractContextManager[Connection]:
        """Lend a connection; at the end it is committed, on an error rolled back.

        `timeout` is used instead of that of the sizes.
        """
        return _Lending(self._pool, timeout)

    @contextmanager
    def transaction(self, **options: Unpack[Options]) -> Generator[Connection]:
        """Lend a connection in a transaction with these options."""
        with self.connection() as connection, _within(connection, options):
            yield connection

    def retry(
        self,
        function: Callable[[Connection], T],
        *,
        attempts: int = 5,
        **options: Unpack[Options],
    ) -> T:
        """Call a function in a transaction, and again in a new one if transactions collided.

        They collide in a serialization failure or a deadlock. It is also called again if the
        transaction could not begin, because the connection was lost, and if the server may not be
        written to any more although the URL asks for one that may. If the connection is lost
        after the transaction began, that is an error. The function starts anew each time, so what
        it does outside the database is done again as well.
        """
        stock = self._pool.stock
        attempt = 0
        while True:
            attempt += 1
            lent: PGconn | None = None
            begun = False
            try:
                with self.connection() as connection:
                    lent = connection.pgconn
                    with _within(connection, options):
                        begun = True
                        return function(connection)
            except psycopg.Error as error:
                if not stock.may_try_again(error, lent, begun=begun) or attempt >= attempts:
                    raise
            stock.retries += 1
            time.sleep(retry_pause(attempt))

    def statistics(self) -> Statistics:
        """Give the counters of the pool and of its connections' statements."""
        return self._pool.statistics()

    def close(self) -> None:
        """Close the connections; one that is lent is closed when it is given back."""
        self._pool.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _within(connection: Connection, options: Options) -> Generator[None]:
    """Run a block in a transaction, and say so if nobody knows whether it was committed."""
    is_done = False
    try:
        with transaction(connection, **options):
            yield
            is_done = True
    except psycopg.OperationalError as error:
        if is_done and is_lost(connection.pgconn):
            raise CommitUnknown from error
        raise
