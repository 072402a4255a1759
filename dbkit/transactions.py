"""Begin a transaction that is isolated, read-only or set up as its caller says."""

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
    """A transaction inside another is to be what only the outermost can be."""

    wanted: str

    def __str__(self) -> str:
        return (
            f"{self.wanted} is for the outermost transaction, and one is open already; "
            "ask for it there"
        )


Isolation: TypeAlias = Literal["read committed", "repeatable read", "serializable"]

_SET = "select set_config(name, value, true) from unnest($1::text[], $2::text[]) as s (name, value)"
_NOW = "select name, current_setting(name, true) from unnest($1::text[]) as name"


class Options(TypedDict, total=False):
    """What a transaction is to be; what is left out is as the server has it."""

    isolation: Isolation
    read_only: bool
    deferrable: bool
    # settings of this transaction alone, for row-level security as an example
    settings: Mapping[str, object]


@contextmanager
def transaction(connection: Connection[Any], **options: Unpack[Options]) -> Generator[None]:
    """Begin a transaction as the options say, or inside one that is open a savepoint.

    Of a savepoint only the settings can differ; they are put back when it ends.
    """
    nested = _is_nested(connection)
    first = _first_words(options, nested=nested)
    settings = _settings(options)
    with connection.transaction():
        cursor = RawCursor(connection, row_factory=tuple_row)
        if first:
            cursor.execute(first.encode())
        before = cursor.execute(_NOW, [[*settings]]).fetchall() if nested and settings else []
        if settings:
            cursor.execute(_SET, [[*settings], [*settings.values()]])
        yield
        if before:
            cursor.execute(_SET, [[name for name, _ in before], [value for _, value in before]])


@asynccontextmanager
async def async_transaction(
    connection: AsyncConnection[Any], **options: Unpack[Options]
) -> AsyncGenerator[None]:
    """Begin a transaction as the options say, or inside one that is open a savepoint."""
    nested = _is_nested(connection)
    first = _first_words(options, nested=nested)
    settings = _settings(options)
    async with connection.transaction():
        cursor = AsyncRawCursor(connection, row_factory=tuple_row)
        if first:
            await cursor.execute(first.encode())
        before: list[tuple[Any, ...]] = []
        if nested and settings:
            before = await (await cursor.execute(_NOW, [[*settings]])).fetchall()
        if settings:
            await cursor.execute(_SET, [[*settings], [*settings.values()]])
        yield
        if before:
            await cursor.execute(
                _SET, [[name for name, _ in before], [value for _, value in before]]
            )


def _is_nested(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    return connection.pgconn.transaction_status != TransactionStatus.IDLE


def _first_words(options: Options, *, nested: bool) -> str:
    """Give the statement that makes a transaction what it is to be, before anything else runs."""
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


# looked up, so that no word of a caller's becomes SQL
_ISOLATIONS: dict[Isolation, str] = {
    "read committed": "read committed",
    "repeatable read": "repeatable read",
    "serializable": "serializable",
}


def _settings(options: Options) -> dict[str, str]:
    return {name: str(value) for name, value in options.get("settings", {}).items()}
