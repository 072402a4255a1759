"""Begin a transaction with an isolation level, read-only, or with settings of its own."""

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

import psycopg
from psycopg import (
    AsyncConnection,
    AsyncRawCursor,
    AsyncTransaction,
    Connection,
    RawCursor,
    Transaction,
)
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from dbkit.errors import ConfigurationError


@dataclass(eq=False)
class NestedTransaction(ConfigurationError):
    """An isolation level, or read only, was asked for inside a transaction that is open."""

    wanted: str

    def __str__(self) -> str:
        return (
            f"{self.wanted} is for the outermost transaction, and one is open already; "
            "ask for it there"
        )


Isolation: TypeAlias = Literal["read committed", "repeatable read", "serializable"]

_SET = (
    b"select set_config(name, value, true) from unnest($1::text[], $2::text[]) as s (name, value)"
)
_GET = b"select name, current_setting(name, true) from unnest($1::text[]) as name"


class Options(TypedDict, total=False):
    """The options of a transaction; for those left out the server's defaults hold."""

    isolation: Isolation
    read_only: bool
    deferrable: bool
    # server settings for this transaction alone, such as `app.user_id` for row-level security
    settings: Mapping[str, object]


@contextmanager
def transaction(connection: Connection[Any], **options: Unpack[Options]) -> Generator[None]:
    """Begin a transaction with these options; inside an open one, a savepoint.

    A savepoint can only have settings; they are put back when it ends.
    """
    nested = _is_nested(connection)
    statements = _statements(options, nested=nested)
    if not statements:
        with _told_as_lost(connection), connection.transaction():
            yield
        return
    with _told_as_lost(connection), ExitStack() as stack:
        cursors: list[RawCursor[tuple[Any, ...]]] = []
        # one round trip begins the transaction and makes it what it is to be;
        # connection.transaction() would keep the pipeline to its end
        with _pipeline(connection):
            stack.enter_context(Transaction(connection))
            for text, values in statements:
                cursor = RawCursor(connection, row_factory=tuple_row)
                cursors.append(cursor.execute(text, values, prepare=False))
        before = cursors[0].fetchall() if nested else []
        yield
        if before:
            RawCursor(connection).execute(_SET, _columns(before), prepare=False)


@asynccontextmanager
async def async_transaction(
    connection: AsyncConnection[Any], **options: Unpack[Options]
) -> AsyncGenerator[None]:
    """Begin a transaction with these options; inside an open one, a savepoint."""
    nested = _is_nested(connection)
    statements = _statements(options, nested=nested)
    if not statements:
        with _told_as_lost(connection):
            async with connection.transaction():
                yield
        return
    async with AsyncExitStack() as stack:
        stack.enter_context(_told_as_lost(connection))
        cursors: list[AsyncRawCursor[tuple[Any, ...]]] = []
        async with _async_pipeline(connection):
            await stack.enter_async_context(AsyncTransaction(connection))
            for text, values in statements:
                cursor = AsyncRawCursor(connection, row_factory=tuple_row)
                cursors.append(await cursor.execute(text, values, prepare=False))
        before = await cursors[0].fetchall() if nested else []
        yield
        if before:
            await AsyncRawCursor(connection).execute(_SET, _columns(before), prepare=False)


@contextmanager
def _told_as_lost(connection: Connection[Any] | AsyncConnection[Any]) -> Generator[None]:
    """Tell of a connection that is lost by the same error whatever stands between.

    When a session ends behind pgbouncer, the server says so, and pgbouncer says it once more. For
    the driver's own `commit`, one answer more than expected is an `InternalError`.
    """
    try:
        yield
    except psycopg.InternalError as error:
        if error.sqlstate is None and connection.closed:
            message = "the connection is lost; its session was ended behind a pooler"
            raise psycopg.OperationalError(message) from error
        raise


@contextmanager
def _pipeline(connection: Connection[Any]) -> Generator[None]:
    """Send what follows in one round trip; whatever becomes of it, no pipeline is left behind."""
    was_in_one = connection.pgconn.pipeline_status
    try:
        with connection.pipeline():
            yield
    finally:
        # the driver does not leave it if answers are left: when the server goes, or if cancelled
        if connection.pgconn.pipeline_status and not was_in_one:
            connection.pgconn.finish()


@asynccontextmanager
async def _async_pipeline(connection: AsyncConnection[Any]) -> AsyncGenerator[None]:
    """Send what follows in one round trip; whatever becomes of it, no pipeline is left behind."""
    was_in_one = connection.pgconn.pipeline_status
    try:
        async with connection.pipeline():
            yield
    finally:
        # as above
        if connection.pgconn.pipeline_status and not was_in_one:
            connection.pgconn.finish()


def _is_nested(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    return connection.pgconn.transaction_status != TransactionStatus.IDLE


def _statements(options: Options, *, nested: bool) -> list[tuple[bytes, list[list[str]] | None]]:
    """Return what has to run first, with its values; what was before a savepoint comes first.

    The driver prepares none of it: behind a pooler, a name of the driver's may be the statement
    of another client.
    """
    statements: list[tuple[bytes, list[list[str]] | None]] = []
    if words := _set_transaction(options, nested=nested):
        statements.append((words.encode(), None))
    settings = {name: str(value) for name, value in options.get("settings", {}).items()}
    if settings and nested:
        statements.append((_GET, [[*settings]]))
    if settings:
        statements.append((_SET, [[*settings], [*settings.values()]]))
    return statements


def _columns(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _set_transaction(options: Options, *, nested: bool) -> str:
    """Return the `set transaction` that has to run first, or nothing."""
    words: list[str] = []
    if (isolation := options.get("isolation")) is not None:
        words.append(f"isolation level {_ISOLATIONS[isolation]}")
    if (read_only := options.get("read_only")) is not None:
        words.append("read only" if read_only else "read write")
    if (deferrable := options.get("deferrable")) is not None:
        words.append("deferrable" if deferrable else "not deferrable")
    if words and nested:
        raise NestedTransaction(", ".join(words))
    return f"set transaction {', '.join(words)}" if words else ""


# looked up, so that a caller's text never becomes SQL
_ISOLATIONS: dict[Isolation, str] = {
    "read committed": "read committed",
    "repeatable read": "repeatable read",
    "serializable": "serializable",
}
