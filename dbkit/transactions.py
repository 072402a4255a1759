"""Begin a transaction with an isolation level, read-only, or with settings of its own."""

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

from psycopg import AsyncConnection, AsyncRawCursor, Connection, RawCursor
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

_SET = "select set_config(name, value, true) from unnest($1::text[], $2::text[]) as s (name, value)"
_GET = "select name, current_setting(name, true) from unnest($1::text[]) as name"


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
    begin = _set_transaction(options, nested=nested)
    settings = _settings(options)
    with connection.transaction():
        cursor = RawCursor(connection, row_factory=tuple_row)
        if begin:
            cursor.execute(begin.encode())
        before = cursor.execute(_GET, [[*settings]]).fetchall() if nested and settings else []
        if settings:
            cursor.execute(_SET, [[*settings], [*settings.values()]])
        yield
        if before:
            cursor.execute(_SET, [[name for name, _ in before], [value for _, value in before]])


@asynccontextmanager
async def async_transaction(
    connection: AsyncConnection[Any], **options: Unpack[Options]
) -> AsyncGenerator[None]:
    """Begin a transaction with these options; inside an open one, a savepoint."""
    nested = _is_nested(connection)
    begin = _set_transaction(options, nested=nested)
    settings = _settings(options)
    async with connection.transaction():
        cursor = AsyncRawCursor(connection, row_factory=tuple_row)
        if begin:
            await cursor.execute(begin.encode())
        before: list[tuple[Any, ...]] = []
        if nested and settings:
            before = await (await cursor.execute(_GET, [[*settings]])).fetchall()
        if settings:
            await cursor.execute(_SET, [[*settings], [*settings.values()]])
        yield
        if before:
            await cursor.execute(
                _SET, [[name for name, _ in before], [value for _, value in before]]
            )


def _is_nested(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    return connection.pgconn.transaction_status != TransactionStatus.IDLE


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


def _settings(options: Options) -> dict[str, str]:
    return {name: str(value) for name, value in options.get("settings", {}).items()}
