"""What is known on each connection: its statements that are ready, and the types they name."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import capabilities
from psycopg.errors import error_from_result
from psycopg.pq import Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.database import prepare_mode
from dbkit.errors import BadValue, DbkitError, Drifted, InsidePipeline
from dbkit.runtime.compiled import COMPILED, StraightCall, next_use, set_writer
from dbkit.runtime.counts import Counts
from dbkit.runtime.ready import PORTION, Ready
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
    spoil,
)

if TYPE_CHECKING:
    from psycopg.abc import Buffer

    from dbkit.runtime.connectiontypes import ConnectionTypes
    from dbkit.runtime.readers import LoopReader, PollReader

T = TypeVar("T")

# so many statements are kept on a connection; of more, the one not used for longest is closed
MOST_STATEMENTS = 256
_BACKEND = "select pg_catalog.pg_backend_pid()"
# a connection that lost its names so often goes on without
_MOST_LOSSES = 3
# where a connection keeps what is known of it
SESSION = "_dbkit_session"
# a class's attributes are slow to look up
_IDLE = TransactionStatus.IDLE
_MISSING = "26000"
_EXISTS = "42P05"
_UNSUPPORTED = "0A000"
# what PostgreSQL may say of a type that was dropped and made anew, that got or lost a part, or
# that another search path has put another in place of
_OF_TYPES = frozenset(
    {"XX000", "22P02", "22P03", "08P01", "42704", "42725", "42804", "42846", "42883", "42P18"}
)
# a call is made again so often, as several things may be stale
_MOST_ATTEMPTS = 3


class ConnectionState:
    """What has been found out on one connection."""

    __slots__ = (
        "closing",
        "counts",
        "gone",
        "held",
        "is_own",
        "loop_reader",
        "losses",
        "named",
        "names",
        "poll_reader",
        "preparing",
        "ready",
        "sent",
        "types",
        "was_outside",
    )

    def __init__(self, *, named: bool | None) -> None:
        # by the number of its composition
        self.ready: dict[int, Ready[Any]] = {}
        # numbers of what nobody has any more; the garbage collector adds them at any moment
        self.gone: list[int] = []
        self.types: ConnectionTypes | None = None
        # whether statements are prepared by name; None as long as it is not known whose the
        # backend is
        self.named = named
        # whether the backend is ours alone, with no pooler between; None as long as nobody asked
        self.is_own: bool | None = False if named is False else None
        # what is prepared on the server, and whether its columns were compared since; and what is
        # to be closed there with the next message
        self.names: dict[bytes, bool] = {}
        self.closing: list[bytes] = []
        # what was prepared last
        self.preparing = b""
        self.losses = 0
        self.counts = Counts()
        # the calls that were sent in C: by name, and without
        self.sent = array("Q", (0, 0))
        # of the call that was sent last: whether the server holds it to columns that were compared,
        # and whether no transaction was open before
        self.held = False
        self.was_outside = True
        # what waits for answers: of a blocking connection, of an async one
        self.poll_reader: PollReader | None = None
        self.loop_reader: LoopReader | None = None

    def find(self, composition: Composition[T], pgconn: PGconn) -> Ready[T] | None:
        """Return a statement if it is ready as things are."""
        ready: Ready[T] | None = self.ready.get(composition.number)
        if ready is None or not ready.fits(pgconn):
            return None
        ready.used = next_use()
        return ready

    def drop(self, number: int) -> None:
        """Forget a statement."""
        if (before := self.ready.pop(number, None)) is not None:
            self._close(before.name)

    def drop_name(self, name: bytes) -> None:
        """Forget the statements of this name, and have the server close it."""
        for number in [number for number, ready in self.ready.items() if ready.name == name]:
            self.drop(number)
        self._close(name)

    def drop_gone(self) -> None:
        """Forget the statements that nobody has any more."""
        while self.gone:
            self.drop(self.gone.pop())

    def make_room(self, composition: Composition[Any]) -> None:
        """Forget what this statement was, and those not used for longest, so that it has room."""
        self.drop_gone()
        self.drop(composition.number)
        while len(self.ready) >= MOST_STATEMENTS:
            self.drop(min(self.ready, key=lambda number: self.ready[number].last_use))
            self.counts.evicted += 1

    def is_named(self, ready: Ready[Any]) -> bool:
        """Whether a statement goes by its name."""
        return bool(self.named) and ready.can_be_named

    def is_held(self, ready: Ready[Any]) -> bool:
        """Whether the server itself holds a statement to columns that were compared.

        Behind a pooler, another client may have prepared it, when the columns were others.
        """
        return bool(self.is_own and self.named) and self.names.get(ready.name, False)

    def learn_owner(self, pgconn: PGconn, result: PGresult) -> None:
        """Learn whose the backend is: a pooler tells its clients a process id of its own."""
        self.is_own = str(pgconn.backend_pid).encode() == result.get_value(0, 0)
        if self.named is None:
            self.named = self.is_own

    def lose_names(self) -> None:
        """Take note that the server has none of the names any more."""
        # a statement is compared anew when it is prepared anew, and perhaps the backend is not
        # ours after all
        self.ready.clear()
        # some may have been prepared since
        self.closing = [*self.names] if capabilities.has_send_close_prepared() else []
        self.names.clear()
        if self.is_own:
            self.is_own = None
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
            del self.names[name]
            self.closing.append(name)

    def closings(self, pgconn: PGconn) -> list[Message]:
        """Give the messages that close what is not used any more."""
        names = self.closing
        if capabilities.has_send_close_prepared():
            return [partial(pgconn.send_close_prepared, name) for name in names]
        return [message(pgconn, f"deallocate {name.decode()}") for name in names]


def session_of(connection: AnyConnection) -> ConnectionState:
    """Return what is known of a connection."""
    # kept by the connection, and freed with it
    session: ConnectionState | None = connection.__dict__.get(SESSION)
    if session is not None:
        return session
    mode = prepare_mode(connection)
    fresh = ConnectionState(named=None if mode == "auto" else mode == "always")
    # one for all threads, also if two make the first call
    first: ConnectionState = connection.__dict__.setdefault(SESSION, fresh)
    return first


def counts_of(connection: AnyConnection) -> Counts:
    """Return what happened to the statements of a connection."""
    session: ConnectionState | None = connection.__dict__.get(SESSION)
    if session is None:
        return Counts()
    named, unnamed = session.sent
    counts = session.counts
    return replace(counts, named=counts.named + named, unnamed=counts.unnamed + unnamed)


def refuse_pipeline(pgconn: PGconn, composition: Composition[Any]) -> None:
    """Refuse a call inside a pipeline of the caller's: its answer would come at the end of it."""
    if in_pipeline(pgconn):
        raise InsidePipeline(composition.statement.query)


def make_ready(
    connection: AnyConnection, composition: Composition[T], *, renews: bool = False
) -> Steps[Ready[T]]:
    """Begin the transaction, and return the text made ready; the first call asks the server.

    `renews`: what is sent cannot be sent again, so types that may have been made anew are asked
    for again.
    """
    pgconn = connection.pgconn
    refuse_pipeline(pgconn, composition)
    session = session_of(connection)
    session.drop_gone()
    ready = session.find(composition, pgconn)
    if ready is not None and renews and ready.has_own_types:
        yield from _renew_types(connection, session)
        ready = session.find(composition, pgconn)
    if ready is None:
        describe = partial(
            _prepare, connection, session, composition, by_name=False, is_described=True
        )
        is_first = is_idle(pgconn)
        try:
            ready = yield from describe()
        except psycopg.Error as error:
            # it waited for whoever made the types anew
            if not (yield from retyped(connection, None, error, is_first=is_first)):
                raise
            ready = yield from describe()
    if begin := opening(connection):
        yield from plain(pgconn, begin)
    return ready


def send_now(  # noqa: C901, PLR0911, PLR0912 - each way out saves a call the longer way
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
    ready: Ready[T] | None = session.ready.get(composition.number)
    if ready is None or session.gone:
        return None
    # as `fits`, without a call
    status = pgconn.parameter_status
    for name, value in ready.settings:
        if status(name) != value:
            return None
    is_outside = session.was_outside = pgconn.transaction_status == _IDLE
    begins = is_outside and not connection.autocommit
    is_named = session.is_named(ready)
    session.held = is_named and session.is_held(ready)
    if is_named:
        if not session.held and (session.is_own or ready.name not in session.names):
            return None
        if session.losses and not is_outside:
            return None
    if ready.may_write and is_outside and not begins and not session.held:
        return None
    formats: Sequence[Format] = ready.formats
    try:
        written: Sequence[Buffer | None] = ready.bound(values)
    except Exception:  # noqa: BLE001 - whatever it is, the long way tells it by the parameter's name
        try:
            written, formats = ready.bind(composition.bound(values))
        except BadValue:
            if ready.has_own_types:
                return None
            raise
    if begins:
        pgconn.enter_pipeline_mode()
        pgconn.send_query_params(opening(connection).encode(), None)
    if is_named:
        session.counts.named += 1
        pgconn.send_query_prepared(ready.name, written, formats, ready.result_format)
    else:
        session.counts.unnamed += 1
        pgconn.send_query_params(ready.text, written, ready.types, formats, ready.result_format)
    if begins:
        pgconn.pipeline_sync()
    ready.used = next_use()
    if ready.straight is None:
        ready.straight = straight_call(session, ready)
    return ready


def straight_call(session: ConnectionState, ready: Ready[Any]) -> StraightCall | None:
    """Make what sends the next calls of a statement in C; None where each has to be looked at."""
    if COMPILED is None or session.named is None or len(ready.types) > COMPILED.MOST_VALUES:
        return None
    is_named = session.is_named(ready)
    if is_named and session.losses:
        return None
    composition = ready.composition
    used = composition.used or repeat(True)
    # a value in text would have to end with a NUL
    is_binary = Format.TEXT not in ready.formats
    return COMPILED.StraightCall(
        writer=set_writer(zip(ready.encoders, ready.nullable, used, strict=False))
        if is_binary
        else None,
        given=composition.count,
        bound=ready.bound,
        name=ready.name if is_named else None,
        text=ready.text,
        types=ready.types,
        formats=ready.formats,
        reader=ready.reader,
        columns=ready.columns,
        result_format=ready.result_format,
        is_held=is_named and session.is_held(ready),
        may_write=ready.may_write,
        portion=PORTION,
        settings=ready.settings,
        counted=session.sent,
    )


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
    except BadValue as refused:
        # by what is known of its type
        if not (yield from _renew_types(connection, session)):
            raise refused from None
        return (yield from _attempt(connection, session, composition, values))
    except psycopg.Error as raised:
        error = raised
    return (yield from _again(connection, session, composition, values, error, is_first=is_first))


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
    if result.status in BAD:
        error = error_from_result(result)
        return (
            yield from _again(
                connection, session, ready.composition, values, error, is_first=is_first
            )
        )
    return (yield from _of_new_types(connection, session, ready, result)), result


def forget_stale(connection: AnyConnection, error: psycopg.Error) -> None:
    """Take note of an error which may tell that the types are not as they were found."""
    session = session_of(connection)
    if error.sqlstate in _OF_TYPES and session.types is not None and session.types.asked:
        session.forget()


def _again(  # noqa: PLR0913 - what the call had, and what came back
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[T],
    values: Sequence[object],
    error: psycopg.Error,
    *,
    is_first: bool,
) -> Steps[tuple[Ready[T], PGresult]]:
    """Run a call again as long as an error tells that what was known is stale."""
    for _ in range(_MOST_ATTEMPTS):
        yield from _heal(connection, session, composition, error, is_first=is_first)
        try:
            return (yield from _attempt(connection, session, composition, values, again=True))
        except psycopg.Error as raised:
            error = raised
    raise error


def _heal(
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[Any],
    error: psycopg.Error,
    *,
    is_first: bool,
) -> Steps[None]:
    """Find out what was stale, so that the call can be made again; else raise the error.

    It is made again only if it cannot have begun to run, and only if it is the first of its
    transaction, since all that was done before would be lost. Words tell nothing: the server may
    speak any language.
    """
    # raised inside a function, after who knows what; or it tells the values of the call
    has_context = error.diag.context is not None
    ready = session.ready.get(composition.number)
    if error.sqlstate == _MISSING and not has_context:
        session.lose_names()
    elif error.sqlstate == _EXISTS and session.preparing and not has_context:
        # by a digest, so it is the same statement
        session.names.setdefault(session.preparing, False)
    elif _has_other_columns(error):
        yield from _heal_columns(connection, session, ready, error, is_first=is_first)
    elif error.sqlstate in _OF_TYPES and (ready is None or ready.has_own_types):
        yield from _heal_types(connection, session, composition, error, is_first=is_first)
    else:
        raise error
    if not is_first:
        raise error
    session.counts.healed += 1
    yield from _roll_back(connection)


def _heal_columns(
    connection: AnyConnection,
    session: ConnectionState,
    ready: Ready[Any] | None,
    error: psycopg.Error,
    *,
    is_first: bool,
) -> Steps[None]:
    """Heal a statement that the server does not run, because it gives other columns by now."""
    is_ours = error.diag.context is None
    name = session.preparing if ready is None else ready.name
    session.drop_name(name)
    if is_first:
        yield from _roll_back(connection)
        if not is_ours:
            is_ours = yield from _is_refused(connection.pgconn, name)
    if not is_ours:
        yield from _fail(connection, error)
    if not is_first:
        # nobody can look now
        session.forget()
        raise error if ready is None else ready.changed() from error
    yield from _renew_types(connection, session)


def _is_refused(pgconn: PGconn, name: bytes) -> Steps[bool]:
    """Whether the server does not even describe a statement: then it is not one inside of it."""
    try:
        yield from group(pgconn, [partial(pgconn.send_describe_prepared, name)])
    except psycopg.Error:
        return True
    return False


def _heal_types(
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[Any],
    error: psycopg.Error,
    *,
    is_first: bool,
) -> Steps[None]:
    """Heal a call whose values were written for types that are not there any more."""
    from dbkit.runtime.preparing import sent_types  # noqa: PLC0415 - see _prepare

    if not is_first:
        # nobody can look now
        session.forget()
        raise error
    yield from _roll_back(connection)
    changed = yield from _renew_types(connection, session)
    is_outside = error.diag.context is None
    # values of a type that is gone are refused before anything runs
    if not (changed if is_outside else changed.intersection(sent_types(composition))):
        yield from _fail(connection, error)


def retyped(
    connection: AnyConnection,
    ready: Ready[Any] | None,
    error: psycopg.Error | Drifted,
    *,
    is_first: bool,
) -> Steps[bool]:
    """Whether calls of which nothing is done failed because types are others now."""
    if ready is not None and not ready.has_own_types:
        return False
    if isinstance(error, psycopg.Error):
        if error.sqlstate not in _OF_TYPES:
            return False
        if is_first:
            yield from _roll_back(connection)
    if (yield from _renew_types(connection, session_of(connection))):
        return True
    if is_first and isinstance(error, psycopg.Error):
        yield from _fail(connection, error)
    return False


def _fail(connection: AnyConnection, error: psycopg.Error) -> Steps[None]:
    """Raise an error, and leave the transaction failed as the caller expects it."""
    if not connection.autocommit and is_idle(connection.pgconn):
        yield from plain(connection.pgconn, "begin")
        yield from spoil(connection.pgconn)
    raise error


def _roll_back(connection: AnyConnection) -> Steps[None]:
    if connection.pgconn.transaction_status == TransactionStatus.INERROR:
        yield from plain(connection.pgconn, "rollback")


def _renew_types(connection: AnyConnection, session: ConnectionState) -> Steps[frozenset[str]]:
    """Ask again for the types that were found, and give the names of those that are others now."""
    before = session.types
    is_failed = connection.pgconn.transaction_status == TransactionStatus.INERROR
    if before is None or not before.asked or is_failed:
        return frozenset()
    now = type(before)()
    names = before.asked_names
    question = now.question(connection.pgconn, names, client_encoding(connection))
    results = yield from group(connection.pgconn, [question])
    now.learn(results[-1], connection.pgconn)
    changed = frozenset(name for name in names if now.get(name) != before.get(name))
    if changed:
        session.forget()
        session.types = now
    return changed


def _has_other_columns(error: psycopg.Error) -> bool:
    # PostgreSQL has no code of its own for "cached plan must not change result type"
    return error.sqlstate == _UNSUPPORTED and error.diag.source_function == "RevalidateCachedQuery"


def _attempt(
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[T],
    values: Sequence[object],
    *,
    again: bool = False,
) -> Steps[tuple[Ready[T], PGresult]]:
    """Run a call; `again` behind a pooler, in a group of messages that it sends to one server."""
    pgconn = connection.pgconn
    session.drop_gone()
    ready = session.find(composition, pgconn)
    # names that were lost once may be lost again, and in an open transaction nothing heals
    is_safe = is_idle(pgconn) or not session.losses
    if ready is None:
        by_name = is_safe and (not again or bool(session.is_own))
        ready = yield from _prepare(connection, session, composition, by_name=by_name)
    written, formats = ready.write_call(values)
    messages, asks = _opening(connection, session)
    begins = bool(opening(connection))
    closes_at = len(messages)
    messages += session.closings(pgconn)
    is_outside = is_idle(pgconn)
    by_name = is_safe and (not again or bool(session.is_own))
    name = ready.name if by_name and session.is_named(ready) else b""
    # the server holds what is prepared to its columns, which were compared then
    is_held = bool(name) and session.is_held(ready)
    if name:
        session.counts.named += 1
        if name not in session.names:
            session.preparing = name
            messages.append(partial(pgconn.send_prepare, name, ready.text, ready.types))
        messages.append(
            partial(pgconn.send_query_prepared, name, written, formats, ready.result_format)
        )
    else:
        session.counts.unnamed += 1
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
    is_guarded = is_outside and not begins and ready.may_write and not is_held
    if is_guarded:
        # libpq gives the rows of the first message in portions if those of the call before were
        messages.insert(0, partial(pgconn.send_prepare, b"", b"", ()))
        closes_at += 1
    is_right = ready.matches if is_guarded else None
    results = yield from _send(pgconn, session, messages, name, closes_at, is_right)
    if asks:
        session.learn_owner(pgconn, results[closes_at - 1])
    result = results[-1]
    if is_held or ready.matches(result):
        if name:
            session.names[name] = True
        return ready, result
    session.drop_name(ready.name)
    if is_guarded and (yield from _renew_types(connection, session)):
        # nothing was done
        return (yield from _attempt(connection, session, composition, values, again=again))
    return (yield from _of_new_types(connection, session, ready, result)), result


def _of_new_types(
    connection: AnyConnection, session: ConnectionState, ready: Ready[T], result: PGresult
) -> Steps[Ready[T]]:
    """Read a result whose columns have other types: perhaps they were made anew, by their names.

    If not, what the statement did in an open transaction is not to be committed.
    """
    session.drop_name(ready.name)
    try:
        if (yield from _renew_types(connection, session)):
            ready = yield from _prepare(connection, session, ready.composition)
        ready.check(result)
    except DbkitError:
        if not is_idle(connection.pgconn):
            yield from spoil(connection.pgconn)
        raise
    return ready


def _prepare(
    connection: AnyConnection,
    session: ConnectionState,
    composition: Composition[T],
    *,
    by_name: bool = True,
    is_described: bool = False,
) -> Steps[Ready[T]]:
    """Find the types of a statement, and hold it to what it was typed for.

    One round trip, and one more for types that PostgreSQL does not bring. It begins the
    transaction on the way. What goes without a name is compared when its result comes, so it is
    not described before, unless that is asked for: a pooler might ask another server.
    """
    # loaded with the first call: a module of queries is imported faster without
    from dbkit.runtime.preparing import ConnectionTypes, assemble, type_names  # noqa: PLC0415

    composition.statement.file.refuse_edited()
    pgconn = connection.pgconn
    if session.types is None:
        session.types = ConnectionTypes()
    if unknown := session.types.unknown(type_names(composition)):
        yield from _learn_types(connection, session, session.types, unknown)
    before, asks = _opening(connection, session)
    session.make_room(composition)
    number, gone = composition.number, session.gone
    ready = assemble(connection, composition, session.types, lambda _: gone.append(number))
    name = ready.name if by_name and session.is_named(ready) else b""
    # a call that is read before it is committed asks along the way
    is_guarded = connection.autocommit and is_idle(pgconn) and ready.may_write
    if name or is_described or (asks and not is_guarded):
        at = len(before)
        before += session.closings(pgconn)
        if name:
            session.preparing = name
        if name not in session.names:
            before.append(partial(pgconn.send_prepare, name, ready.text, ready.types))
        before.append(partial(pgconn.send_describe_prepared, name))
        results = yield from _send(pgconn, session, before, name, at)
        if asks:
            session.learn_owner(pgconn, results[at - 1])
        if not ready.matches(results[-1]):
            session.drop_name(name)
            ready.check(results[-1])
        if name:
            session.names[name] = True
    session.ready[number] = ready
    return ready


def _learn_types(
    connection: AnyConnection,
    session: ConnectionState,
    types: "ConnectionTypes",
    unknown: list[str],
) -> Steps[None]:
    """Ask for types, with all else that has to be asked by then."""
    before, asks = _opening(connection, session)
    question = types.question(connection.pgconn, unknown, client_encoding(connection))
    results = yield from group(connection.pgconn, [*before, question])
    types.learn(results[-1], connection.pgconn)
    if asks:
        session.learn_owner(connection.pgconn, results[-2])


def _opening(connection: AnyConnection, session: ConnectionState) -> tuple[list[Message], bool]:
    """Give what begins the transaction, and asks whose the backend is, and whether it asks that."""
    begin = opening(connection)
    messages = [message(connection.pgconn, begin)] if begin else []
    asks = session.is_own is None
    if asks:
        messages.append(message(connection.pgconn, _BACKEND))
    return messages, asks


def _send(  # noqa: PLR0913, PLR0917 - what the messages are
    pgconn: PGconn,
    session: ConnectionState,
    messages: Sequence[Message],
    name: bytes,
    closes_at: int,
    is_right: Callable[[PGresult], bool] | None = None,
) -> Steps[list[PGresult]]:
    """Send messages of which the last but one prepares a statement, unless it is prepared.

    What is prepared stays so when the last message fails, and when a transaction is rolled back.
    What is to be closed, from `closes_at` on, is to be closed as long as that is not answered.
    """
    results: list[PGresult] = []
    count = len(messages)
    try:
        return (yield from group(pgconn, messages, results, is_right))
    finally:
        closed = results[closes_at : min(closes_at + len(session.closing), count - 1)]
        del session.closing[: sum(result.status not in BAD for result in closed)]
        is_sent = len(results) >= count > 1 and results[count - 2].status not in BAD
        if name and is_sent and name not in session.names:
            session.names[name] = False
            session.counts.prepared += 1
