"""Talk with the server through one connection, blocking or not: written once, as generators."""

from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import psycopg
from psycopg import AsyncConnection, Connection, generators
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import AdaptersMap
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.runtime.errors import OtherLoop

T = TypeVar("T")
AnyConnection: TypeAlias = Connection[Any] | AsyncConnection[Any]
Steps: TypeAlias = PQGen[T]
# sends one message of the protocol
Message: TypeAlias = Callable[[], None]

# where a connection keeps the loop that uses it
_LOOP = "_dbkit_loop"
_LOST = "the connection is lost"
# fails inside a transaction and outside, so that nothing done before can be committed; the name
# tells a reader of the server's log why
_FAILING = b"rollback to savepoint dbkit_found_other_columns"

BAD = frozenset({ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE, ExecStatus.PIPELINE_ABORTED})


class Wire(NamedTuple):
    """What psycopg wants to know of a connection to read a result: its encoding and time zone.

    The connection itself would be kept by what it keeps, and not be freed.
    """

    pgconn: PGconn


class WireContext(NamedTuple):
    """What psycopg wants to know to read a result."""

    adapters: AdaptersMap
    connection: Any


def run(connection: AnyConnection, steps: Steps[T]) -> T:
    """Run the steps on a connection, which waits in its own way.

    On an `AsyncConnection` it gives what is awaited for the result. One type stands for both,
    so that a query is written once; `QueryFunction` has the two types that a caller sees.
    """
    if isinstance(connection, AsyncConnection):
        return cast("T", run_async(connection, steps))
    with connection.lock:
        return connection.wait(steps)


async def run_async(connection: AsyncConnection[Any], steps: Steps[T]) -> T:
    """Run the steps on an async connection."""
    hold_to_loop(connection)
    async with connection.lock:
        return await connection.wait(steps)


def hold_to_loop(connection: AsyncConnection[Any]) -> None:
    """Refuse a call from another loop than the one that uses the connection, if that is running.

    The connection's lock keeps the tasks of one loop apart, and not those of two.
    """
    loop = get_running_loop()
    known = connection.__dict__.setdefault(_LOOP, loop)
    if known is not loop:
        if known.is_running():
            raise OtherLoop
        connection.__dict__[_LOOP] = loop


def opening(connection: AnyConnection) -> str:
    """Return what begins the transaction where the driver would begin one, or nothing."""
    if connection.autocommit or not is_idle(connection.pgconn):
        return ""
    words = ["begin"]
    if connection.isolation_level is not None:
        words.append(f"isolation level {connection.isolation_level.name.replace('_', ' ')}")
    if connection.read_only is not None:
        words.append("read only" if connection.read_only else "read write")
    if connection.deferrable is not None:
        words.append("deferrable" if connection.deferrable else "not deferrable")
    return " ".join(words)


def plain(pgconn: PGconn, text: str) -> Steps[PGresult]:
    """Run a statement of dbkit itself, without parameters."""
    pgconn.send_query_params(text.encode(), None)
    return (yield from answer(pgconn))


def query(  # noqa: PLR0913, PLR0917 - what the protocol's own message consists of
    pgconn: PGconn,
    text: bytes,
    values: Sequence[Buffer | None],
    types: Sequence[int],
    formats: Sequence[Format],
    result_format: Format,
) -> Steps[PGresult]:
    """Run one statement with its values, each of the type that is given for it."""
    pgconn.send_query_params(text, values, types, formats, result_format)
    return (yield from answer(pgconn))


def group(
    pgconn: PGconn,
    messages: Sequence[Message],
    results: list[PGresult] | None = None,
    is_right: Callable[[PGresult], bool] | None = None,
) -> Steps[list[PGresult]]:
    """Send several messages in one round trip, and give the result of each.

    A pooler hands the connection to the server on only after the whole group. What follows a
    message that fails is not done. `results` is filled with what came even if one fails.

    With `is_right`, outside a transaction, what the messages do is kept only if the last result
    is right. It is read before the server is told to commit, which takes a round trip more.
    """
    if results is None:
        results = []
    if len(messages) == 1 and is_right is None:
        messages[0]()
        results.append((yield from answer(pgconn)))
        return results
    pgconn.enter_pipeline_mode()
    try:
        for send in messages:
            send()
        if is_right is not None:
            pgconn.send_flush_request()
            yield from generators.send(pgconn)
            yield from _read(pgconn, results, len(messages))
            if results and results[-1].status not in BAD and not is_right(results[-1]):
                pgconn.send_query_params(_FAILING, None)
        pgconn.pipeline_sync()
        yield from generators.send(pgconn)
        yield from _read(pgconn, results, None)
    finally:
        leave_pipeline(pgconn)
    if len(results) < len(messages):
        # a pooler whose server is gone may say that all is answered, and no more
        for result in results:
            good(result)
        pgconn.finish()
        raise psycopg.OperationalError(_LOST)
    # also what a deferred constraint says, but not that nothing is kept
    is_kept = is_right is None or is_right(results[len(messages) - 1])
    for result in results if is_kept else results[: len(messages)]:
        good(result)
    return results[: len(messages)]


def _read(pgconn: PGconn, results: list[PGresult], most: int | None) -> Steps[None]:
    """Read results until so many are there or one is an error, or up to the end of the group."""
    while most is None or len(results) < most:
        fetched = yield from generators.fetch_many(pgconn)
        if fetched and fetched[-1].status == ExecStatus.PIPELINE_SYNC:
            return
        results += fetched[-1:]
        if most is not None and results and results[-1].status in BAD:
            return


def spoil(pgconn: PGconn) -> Steps[None]:
    """Have the open transaction fail, as if its last statement had been refused."""
    with suppress(psycopg.Error):
        pgconn.send_query_params(_FAILING, None)
        yield from answer(pgconn)


def last_of_group(pgconn: PGconn) -> Steps[list[PGresult]]:
    """Wait for the results of a group that was sent, and give the last, or the first that failed.

    Whatever becomes of it, the connection is not left in a pipeline: it is closed instead.
    """
    results: list[PGresult] = []
    try:
        yield from generators.send(pgconn)
        while True:
            fetched = yield from generators.fetch_many(pgconn)
            if not fetched or fetched[-1].status == ExecStatus.PIPELINE_SYNC:
                break
            results += fetched[-1:]
    finally:
        leave_pipeline(pgconn)
    return [decisive(results)]


def decisive(results: Sequence[PGresult]) -> PGresult:
    """Return the last result of a group, or the one that failed first."""
    return next((result for result in results if result.status in BAD), results[-1])


def drained(pgconn: PGconn) -> Steps[None]:
    """Read the answers that are left and drop them, up to where the server is ready again."""
    if not in_pipeline(pgconn):
        yield from generators.fetch_many(pgconn)
        return
    while pgconn.transaction_status == TransactionStatus.ACTIVE:
        yield from generators.fetch_many(pgconn)
    leave_pipeline(pgconn)


def leave_pipeline(pgconn: PGconn) -> None:
    """Leave a pipeline whose answers are read; with answers left, close the connection."""
    try:
        pgconn.exit_pipeline_mode()
    except psycopg.Error:
        pgconn.finish()


def message(pgconn: PGconn, text: str) -> Message:
    """Give the message that runs a statement of dbkit itself, without parameters."""
    return partial(pgconn.send_query_params, text.encode(), None)


def answer(pgconn: PGconn) -> Steps[PGresult]:
    """Wait for the result of what was sent, and raise what PostgreSQL raises."""
    try:
        results = yield from generators.execute(pgconn)
    except GeneratorExit:
        # given up twice: nobody waits for the answer any more
        pgconn.finish()
        raise
    return good(results[-1])


def good(result: PGresult) -> PGresult:
    """Return a result, or raise the error that it is."""
    if result.status in BAD:
        raise error_from_result(result)
    return result


def client_encoding(connection: AnyConnection) -> str:
    """Name the encoding that texts are sent in, as Python calls it."""
    encoding = connection.info.encoding
    # psycopg's word for SQL_ASCII, which stores bytes as they come
    return "utf-8" if encoding == "ascii" else encoding


def is_sql_ascii(pgconn: PGconn) -> bool:
    """Whether the client takes texts as they come, so that nothing says what their bytes mean."""
    return pgconn.parameter_status(b"client_encoding") == b"SQL_ASCII"


def is_idle(pgconn: PGconn) -> bool:
    """Whether no transaction is open."""
    return pgconn.transaction_status == TransactionStatus.IDLE


def in_pipeline(pgconn: PGconn) -> bool:
    """Whether answers wait for a pipeline's end."""
    return pgconn.pipeline_status != PipelineStatus.OFF
