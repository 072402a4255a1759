"""Tell observers of every call that has ended: its query, how long it took, and how it ended."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock, local
from time import perf_counter, time_ns
from types import FrameType, TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeAlias, TypeVar, cast

import psycopg
from psycopg import AsyncConnection

from dbkit.errors import QueryError, TooManyRows
from dbkit.runtime.statement import QueryFiles, Statement
from dbkit.runtime.wire import AnyConnection, Steps, run, run_async

T = TypeVar("T")

CallKind: TypeAlias = Literal["one", "optional", "many", "exec", "batch", "copy", "stream"]

# what stands between a call and the line that makes it
_BETWEEN = ("dbkit.runtime.", "dbkit.loading", "asyncio.")
_LOG = logging.getLogger("dbkit")


class Caller(NamedTuple):
    """The line of the application that makes a call."""

    path: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Call(NamedTuple):
    """A call that has ended, as an observer is told of it; read it by the names of its fields.

    No value that was sent or came back is in it. The error may have some in its text, as
    PostgreSQL has in "Key (email)=(a@b.c) already exists".
    """

    # the system of the query, "" where it is not known
    system: str
    # the subject and the name, as in "users.find"
    query: str
    kind: CallKind
    # the statement as it was sent, with `$1` and so on
    text: str
    # of the connection
    database: str
    host: str
    port: str
    # nanoseconds since 1970
    started: int
    # how long the caller waited; of a stream, for all portions together
    seconds: float
    # the rows that came back, or those that were touched where none come back
    rows: int
    # whether the statement gives rows
    gives_rows: bool
    # of a batch or a copy: how many sets of values were taken
    sets: int | None
    # why it failed, `CancelledError` and `KeyboardInterrupt` among them
    error: BaseException | None
    # where an observer asked for it
    caller: Caller | None

    @property
    def name(self) -> str:
        """The system and the query, as in "mrwa.users.find"."""
        return f"{self.system}.{self.query}" if self.system else self.query


class Observing:
    """An observer that is told of calls until this is closed, or its `with` ends."""

    def __init__(self, observer: Callable[[Call], object], *, callers: bool) -> None:
        self._observer = observer
        self.callers = callers
        self._is_closed = False
        self._has_failed = False

    def tell(self, call: Call) -> None:
        """Tell the observer; what it raises reaches the log once, and never the caller."""
        if self._is_closed:
            return
        try:
            self._observer(call)
        except Exception:  # noqa: BLE001 - whatever it is, the call is not to fail by it
            if not self._has_failed:
                self._has_failed = True
                _LOG.exception(
                    "an observer failed at a call of %s; its further errors are not logged",
                    call.name,
                )

    def close(self) -> None:
        """Tell the observer of no call any more."""
        self._is_closed = True
        _change(lambda known: tuple(each for each in known if each is not self))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


# replaced and never changed, since every call of every thread looks here
observers: tuple[Observing, ...] = ()
_callers_are_wanted = False
_changing = Lock()


def observe(observer: Callable[[Call], object], *, callers: bool = False) -> Observing:
    """Have a function told of every call of a query in this process, when the call has ended.

    It is called in the caller's thread or task, so it is to be quick. With `callers`, it is told
    the line of the application too, which takes longer. The handle takes it away again:

        with dbkit.observe(lambda call: print(call.name, call.seconds)):
            ...
    """
    observing = Observing(observer, callers=callers)
    _change(lambda known: (*known, observing))
    return observing


def _change(change: Callable[[tuple[Observing, ...]], tuple[Observing, ...]]) -> None:
    global observers, _callers_are_wanted  # noqa: PLW0603 - one test of a global is all that an unobserved call pays
    with _changing:
        observers = change(observers)
        _callers_are_wanted = any(each.callers for each in observers)


class _Telling(local):
    """Whether this thread is telling observers: the calls that they make are not told."""

    is_busy = False


_telling = _Telling()


class ObservedCall:
    """A call on its way: a `with` around what is waited for, and around each portion of a stream.

    Those who observe when it is made are told, once, at the end.
    """

    def __init__(
        self,
        kind: CallKind,
        connection: AnyConnection,
        statement: Statement[Any],
        values: Sequence[object] | None = None,
    ) -> None:
        self.kind: CallKind = kind
        self.rows = 0
        # whether another portion may follow
        self.goes_on = False
        # where it is not the text of the statement
        self.text: str | None = None
        self._connection = connection
        self._statement = statement
        # they choose the text
        self._values = values
        self._sets: int | None = None
        self._observers = () if _telling.is_busy else observers
        self._caller = _caller() if _callers_are_wanted else None
        self._where = ("", "", "")
        self._started = 0
        self._begun = 0.0
        self._seconds = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether anything was asked of the server."""
        return self._started != 0

    def counting(self, sets: Iterable[Sequence[object]]) -> Iterator[Sequence[object]]:
        """Count sets of values as they are taken."""
        self._sets = 0
        for values in sets:
            if not self._sets:
                self._values = values
            self._sets += 1
            yield values

    def run(self, connection: AnyConnection, steps: Steps[T]) -> T:
        """Run the steps of a batch or a copy, which give rows or how many were touched."""
        if isinstance(connection, AsyncConnection):
            return cast("T", self._run_awaited(connection, steps))
        with self:
            return self._counted(run(connection, steps))

    async def _run_awaited(self, connection: AsyncConnection[Any], steps: Steps[T]) -> T:
        with self:
            return self._counted(await run_async(connection, steps))

    def _counted(self, result: T) -> T:
        self.rows = result if isinstance(result, int) else len(cast("list[object]", result))
        return result

    def __enter__(self) -> Self:
        if not self._started:
            self._where = _where(self._connection)
            self._started = time_ns()
        self._begun = perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._seconds += perf_counter() - self._begun
        if error is not None or not self.goes_on:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        told, self._observers = self._observers, ()
        if not told:
            return
        if isinstance(error, TooManyRows):
            self.rows = error.count
        file = self._statement.file
        call = Call(
            file.system,
            file.query,
            self.kind,
            self._sent() if self.text is None else self.text,
            *self._where,
            self._started,
            self._seconds,
            self.rows,
            bool(self._statement.gives_rows),
            self._sets,
            error,
            self._caller,
        )
        was_busy, _telling.is_busy = _telling.is_busy, True
        try:
            for observing in told:
                observing.tell(call)
        finally:
            _telling.is_busy = was_busy

    def _sent(self) -> str:
        try:
            return (self._statement.only or self._statement.composition(self._values)).text
        except (QueryError, IndexError):
            # it was refused because of its values, and nothing was sent
            return ""


class ObservedStream(ObservedCall):
    """A stream, of which observers are told when nobody holds it any more, read or not."""

    # an interruption comes at any moment, before the first line of `__init__` too
    _started = 0

    def __del__(self) -> None:
        if self._started:
            self._end(None)


def _where(connection: AnyConnection) -> tuple[str, str, str]:
    """Name the database, the host and the port of a connection, as far as it is open."""
    try:
        pgconn = connection.pgconn
        return pgconn.db.decode(), pgconn.host.decode(), pgconn.port.decode()
    except (psycopg.Error, UnicodeDecodeError):
        return "", "", ""


def _caller() -> Caller | None:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - inspect reads the files too
    while frame is not None and _is_between(frame):
        frame = frame.f_back
    if frame is None:
        return None
    return Caller(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)


def _is_between(frame: FrameType) -> bool:
    """Whether a frame is of this package, of a generated module or of the event loop."""
    name: str = frame.f_globals.get("__name__", "")
    return name.startswith(_BETWEEN) or isinstance(frame.f_globals.get("_FILES"), QueryFiles)
