"""What is known on each connection: its statements that are ready, and the types they name."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import capabilities
from psycopg.errors import error_from_result
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.database import prepare_mode
from dbkit.errors import InsidePipeline
from dbkit.runtime.ready import Ready
from dbkit.runtime.statement import Composition
from dbkit.runtime.wire import (
    BAD,
    AnyConnection,
    Message,
    Steps,
    client_encoding,
    group,
    in_pipeline,
    is_idle,
    message,
    opening,
    plain,
)

if TYPE_CHECKING:
    from dbkit.runtime.connectiontypes import ConnectionTypes
    from dbkit.runtime.loopreader import Reader

T = TypeVar("T")

# so many statements are kept on a connection; of more, the one not used for longest is closed
MOST_STATEMENTS = 256
_BACKEND = "select pg_catalog.pg_backend_pid()"
# a connection that lost its names so often goes on without
_MOST_LOSSES = 3
_KEY = "_dbkit_session"
_MISSING = "26000"
_EXISTS = "42P05"
_UNSUPPORTED = "0A000"
# what PostgreSQL says of a type that was dropped, and perhaps made anew
_LOST_TYPES = frozenset({"XX000", "42704", "42883"})


class ConnectionState:
    """What has been found out on one connection."""

    __slots__ = (
        "closing",
        "is_own",
        "losses",
        "named",
        "names",
        "preparing",
        "reader",
        "ready",
        "types",
    )

    def __init__(self, *, named: bool | None) -> None:
        # in the order of use
        self.ready: OrderedDict[Composition[Any], Ready[Any]] = OrderedDict()
        self.types: ConnectionTypes | None = None
        # whether statements are prepared by name; None as long as it is not known whose the
        # backend is
        self.named = named
        # whether it is known that no pooler stands between
        self.is_own = False
        # what is prepared on the server, and what is to be closed there with the next message
        self.names: set[bytes] = set()
        self.closing: list[bytes] = []
        # what was prepared last
        self.preparing = b""
        self.losses = 0
        # of an async connection, what waits for its answers
        self.reader: Reader | None = None

    def find(self, composition: Composition[T], pgconn: PGconn) -> Ready[T] | None:
        """Return a statement if it is ready as things are."""
        ready: Ready[T] | None = self.ready.get(composition)
        if ready is None or not ready.fits(pgconn):
            return None
        self.ready.move_to_end(composition)
        return ready

    def make_room(self, composition: Composition[Any]) -> None:
        """Forget what this statement was, and those not used for longest, so that it has room."""
        if (before := self.ready.pop(composition, None)) is not None:
            self._close(before.name)
        while len(self.ready) >= MOST_STATEMENTS:
            _, oldest = self.ready.popitem(last=False)
            self._close(oldest.name)

    def is_named(self, ready: Ready[Any]) -> bool:
        """Whether a statement goes by its name."""
        return bool(self.named) and ready.can_be_named

    def lose_names(self) -> None:
        """Take note that the server has none of the names any more."""
        # a statement is compared anew when it is prepared anew
        self.ready.clear()
        self.names.clear()
        self.closing.clear()
        self.losses += 1
        if self.losses > _MOST_LOSSES:
            self.named = False

    def forget(self) -> None:
        """Forget all that was found: the types it was found by may be others now."""
        self.closing += self.names
        self.names.clear()
        self.ready.clear()
        self.types = None

    def _close(self, name: bytes) -> None:
        if name in self.names and all(ready.name != name for ready in self.ready.values()):
            self.names.discard(name)
            self.closing.append(name)

    def closings(self, pgconn: PGconn) -> list[Message]:
        """Give the messages that close what is not used any more."""
        names, self.closing = self.closing, []
        if capabilities.has_send_close_prepared():
            return [partial(pgconn.send_close_prepared, name) for name in names]
        return [message(pgconn, f"deallocate {name.decode()}") for name in names]


def session_of(connection: AnyConnection) -> ConnectionState:
    """Return what is known of a connection."""
    # kept by the connection, and freed with it
    session: ConnectionState | None = vars(connection).get(_KEY)
    if session is None:
        mode = prepare_mode(connection)
        session = ConnectionState(named=None if mode == "auto" else mode == "always")
        vars(connection)[_KEY] = session
    return session


def refuse_pipeline(pgconn: PGconn, composition: Composition[Any]) -> None:
    """Refuse a call inside a pipeline of the caller's: its answer would come at the end of it."""
    if in_pipeline(pgconn):
        raise InsidePipeline(composition.statement.query)


def make_ready(connection: AnyConnection, composition: Composition[T]) -> Steps[Ready[T]]:
    """Begin the transaction, and return the text made ready; the first call asks the server."""
    pgconn = connection.pgconn
    refuse_pipeline(pgconn, composition)
    session = session_of(connection)
    ready = session.find(composition, pgconn)
    if ready is None:
        return (yield from _prepare(connection, session, composition))
    if begin := opening(connection):
        yield from plain(pgconn, begin)
    return ready


def send_now(
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[T],
    values: Sequence[object],
) -> Ready[T] | None:
    """Send a call if that takes nothing but the call itself; else None, and it goes by `answer`.

    Where a transaction is to begin, it begins in the same group: the connection is then in a
    pipeline until the group is read.
    """
    pgconn = connection.pgconn
    ready: Ready[T] | None = session.ready.get(composition)
    if ready is None or not ready.fits(pgconn):
        return None
    is_named = session.named and ready.can_be_named
    if is_named and ready.name not in session.names:
        return None
    written, formats = ready.write_call(values)
    begins = pgconn.transaction_status == TransactionStatus.IDLE and not connection.autocommit
    if begins:
        pgconn.enter_pipeline_mode()
        pgconn.send_query_params(opening(connection).encode(), None)
    if is_named:
        pgconn.send_query_prepared(ready.name, written, formats, ready.result_format)
    else:
        pgconn.send_query_params(ready.text, written, ready.types, formats, ready.result_format)
    if begins:
        pgconn.pipeline_sync()
    session.ready.move_to_end(composition)
    return ready


def answer(
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[T],
    values: Sequence[object],
) -> Steps[tuple[Ready[T], PGresult]]:
    """Run a call that needs more than itself: to be made ready, or a transaction begun."""
    is_first = is_idle(connection.pgconn)
    try:
        return (yield from _attempt(connection, session, composition, values))
    except psycopg.Error as raised:
        error = raised
    yield from _heal(connection, session, composition, error, is_first=is_first)
    by_name = session.is_own
    return (yield from _attempt(connection, session, composition, values, by_name=by_name))


def settle(  # noqa: PLR0913 - what the call had, and what came back
    connection: AnyConnection,
    session: ConnectionState,
    ready: Ready[T],
    result: PGresult,
    values: Sequence[object],
    *,
    is_first: bool,
) -> Steps[tuple[Ready[T], PGresult]]:
    """Finish a call that was sent at once and got an error, or other columns than expected."""
    composition = ready.composition
    if result.status in BAD:
        error = error_from_result(result)
        yield from _heal(connection, session, composition, error, is_first=is_first)
        by_name = session.is_own
        return (yield from _attempt(connection, session, composition, values, by_name=by_name))
    return (yield from _of_new_types(connection, session, ready, result)), result


def forget_stale(connection: AnyConnection, error: psycopg.Error) -> None:
    """Take note of an error which tells that the database is not as it was found."""
    _is_stale(session_of(connection), error)


def _heal(
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[Any],
    error: psycopg.Error,
    *,
    is_first: bool,
) -> Steps[None]:
    """Have the statement prepared anew if that is all that is wrong, else raise the error.

    `is_first`: nothing was done in the transaction before, so that nothing can be done twice.
    """
    ready = session.ready.get(composition)
    if not _is_stale(session, error):
        raise error
    context = error.diag.context
    # raised inside a function, after who knows what
    is_inside = context is not None and "portal" not in context
    if is_inside or not is_first:
        if ready is not None and _has_other_columns(error):
            raise ready.changed() from error
        raise error
    if connection.pgconn.transaction_status == TransactionStatus.INERROR:
        yield from plain(connection.pgconn, "rollback")


def _is_stale(session: ConnectionState, error: psycopg.Error) -> bool:
    """Whether an error tells that a name or a type is not on the server; it is then forgotten."""
    if error.sqlstate == _MISSING:
        session.lose_names()
    elif error.sqlstate == _EXISTS and session.preparing:
        # by a digest, so it is the same statement
        session.names.add(session.preparing)
    elif _has_other_columns(error) or (
        error.sqlstate in _LOST_TYPES and session.types is not None and session.types.asked
    ):
        session.forget()
    else:
        return False
    return True


def _has_other_columns(error: psycopg.Error) -> bool:
    # PostgreSQL has no code of its own for "cached plan must not change result type"
    return error.sqlstate == _UNSUPPORTED and error.diag.source_function == "RevalidateCachedQuery"


def _attempt(
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[T],
    values: Sequence[object],
    *,
    by_name: bool = True,
) -> Steps[tuple[Ready[T], PGresult]]:
    """Run a call; not `by_name`, in a group of messages that a pooler sends to one server."""
    pgconn = connection.pgconn
    ready = session.find(composition, pgconn)
    begin = ""
    if ready is None:
        ready = yield from _prepare(connection, session, composition, by_name=by_name)
    else:
        begin = opening(connection)
    written, formats = ready.write_call(values)
    messages = [message(pgconn, begin)] if begin else []
    is_named = by_name and session.is_named(ready)
    is_prepared = True
    if is_named:
        is_prepared = ready.name in session.names
        if not is_prepared:
            session.preparing = ready.name
            messages += session.closings(pgconn)
            messages.append(partial(pgconn.send_prepare, ready.name, ready.text, ready.types))
        messages.append(
            partial(pgconn.send_query_prepared, ready.name, written, formats, ready.result_format)
        )
    else:
        is_prepared = False
        messages.append(
            partial(
                pgconn.send_query_params,
                ready.text,
                written,
                ready.types,
                formats,
                ready.result_format,
            )
        )
    results = yield from _send(pgconn, session, messages, ready.name if is_named else b"")
    result = results[-1]
    if not is_prepared and not ready.matches(result):
        ready = yield from _of_new_types(connection, session, ready, result)
    return ready, result


def _of_new_types(
    connection: AnyConnection, session: ConnectionState, ready: Ready[T], result: PGresult
) -> Steps[Ready[T]]:
    """Read a result whose columns have other types: perhaps they were made anew, by their names."""
    if session.types is not None and session.types.asked:
        session.forget()
        ready = yield from _prepare(connection, session, ready.composition)
    ready.check(result)
    return ready


def _prepare(
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[T],
    *,
    by_name: bool = True,
) -> Steps[Ready[T]]:
    """Begin the transaction, and hold a statement to what it was typed for.

    One round trip, and one more for types that PostgreSQL does not bring. What a pooler has to
    send to one server is one group.
    """
    # loaded with the first call: a module of queries is imported faster without
    from dbkit.runtime.preparing import ConnectionTypes, assemble, type_names  # noqa: PLC0415

    composition.statement.file.refuse_edited()
    pgconn = connection.pgconn
    if session.types is None:
        session.types = ConnectionTypes()
    begin = opening(connection)
    before = [message(pgconn, begin)] if begin else []
    asks = session.named is None
    if asks:
        before.append(message(pgconn, _BACKEND))
    if unknown := session.types.unknown(type_names(composition)):
        question = session.types.question(pgconn, unknown, client_encoding(connection))
        results = yield from group(pgconn, [*before, question])
        session.types.learn(results[-1])
        if asks:
            session.named = session.is_own = _is_own(pgconn, results[-2])
        before, asks = [], False
    session.make_room(composition)
    ready = assemble(connection, composition, session.types)
    name = ready.name if by_name and session.is_named(ready) else b""
    at = len(before)
    if name:
        session.preparing = name
        before += session.closings(pgconn)
    if name not in session.names:
        before.append(partial(pgconn.send_prepare, name, ready.text, ready.types))
    before.append(partial(pgconn.send_describe_prepared, name))
    results = yield from _send(pgconn, session, before, name)
    if asks:
        session.named = session.is_own = _is_own(pgconn, results[at - 1])
    ready.check(results[-1])
    session.ready[composition] = ready
    return ready


def _send(
    pgconn: PGconn, session: ConnectionState, messages: Sequence[Message], name: bytes
) -> Steps[list[PGresult]]:
    """Send messages of which the last but one prepares a statement, unless it is prepared.

    What is prepared stays so when the last message fails, and when a transaction is rolled back.
    """
    results: list[PGresult] = []
    try:
        yield from group(pgconn, messages, results)
    finally:
        is_complete = len(results) == len(messages) > 1
        if name and is_complete and results[-2].status not in BAD:
            session.names.add(name)
    return results


def _is_own(pgconn: PGconn, result: PGresult) -> bool:
    """Whether the backend is ours alone: a pooler tells its clients a process id of its own."""
    return str(pgconn.backend_pid).encode() == result.get_value(0, 0)
