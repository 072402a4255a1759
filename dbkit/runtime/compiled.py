"""What is called most, in C: there where it was compiled for this Python, on the driver's libpq.

`COMPILED` is None where it is not, or where the environment says `DBKIT_COMPILED=0`. Whoever uses
it has a way of its own in Python, which does the same, and which tells what is wrong.
"""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from importlib import import_module
from itertools import count
from typing import Any, Protocol, cast

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult
from psycopg.types import numeric

from dbkit.runtime.jsonreading import JsonReader, parse
from dbkit.runtime.loaders import Utf8BinaryLoader
from dbkit.runtime.wire import AnyConnection
from dbkit.runtime.wirevalues import AsText, Encoder


class RowReader(Protocol):
    """Reads the rows of one statement; it raises anything at all where Python has to."""

    def read(self, result: PGresult, start: int, end: int, /) -> list[Any]:
        """Read the rows of a result from one number to another."""
        ...


class Answer(Protocol):
    """What comes of a call that was sent."""

    # the last result, or the one that failed
    last: PGresult
    # what was read of the rows, and the results of which nothing was
    rows: list[Any]
    unread: list[PGresult] | None
    # whether all has come, with the connection at rest
    is_whole: bool
    # whether the last result is one that the statement was typed for
    is_good: bool
    # whether no transaction was open before
    was_outside: bool

    def read(self, waits: bool, /) -> bool:
        """Whether all has come, with the connection at rest.

        If it waits and gives False, the driver has to tell what is wrong.
        """
        ...


class StraightCall(Protocol):
    """Sends the calls of one statement."""

    # the number of its last use, as `next_use` gives them
    used: int

    def call(
        self,
        connection: AnyConnection,
        pgconn: PGconn,
        values: Sequence[object],
        in_portions: bool | None,
        /,
    ) -> list[Any] | Answer | None:
        """Send a call as `send` does, and wait for all that comes of it.

        Where that is rows which were read here, they come alone. With `in_portions` None, no
        rows are wanted.
        """
        ...

    def send(
        self,
        connection: AnyConnection,
        pgconn: PGconn,
        values: Sequence[object],
        in_portions: bool | None,
        /,
    ) -> Answer | None:
        """Send a call if it takes nothing but itself; else None, and nothing was sent."""
        ...


class SetWriter(Protocol):
    """Writes sets of values as `copy` takes them; it raises anything at all where Python has to."""

    def write(self, sets: list[Sequence[object]], into: bytearray, /) -> None:
        """Write all of them, or nothing."""
        ...


class _Compiled(Protocol):
    """What `_compiled.c` has."""

    # a call has no more values
    MOST_VALUES: int
    StraightCall: Callable[..., StraightCall]
    RowReader: Callable[..., RowReader]
    SetWriter: Callable[..., SetWriter]

    def next_use(self) -> int:
        """Give the number of a use, the next for all statements."""
        ...

    def send_sets(
        self, pgconn: PGconn, written: bytearray, result_format: int, /
    ) -> tuple[int, bool]:
        """Send sets that were written to the statement without a name, in a pipeline.

        Returned are how many were sent, and whether libpq refused the next one.
        """
        ...

    def link(self, path: str, lost: type[Exception], /) -> None:
        """Find libpq in the module of the driver's that is at this path."""
        ...

    def has_columns(self, result: PGresult, columns: tuple[tuple[bytes, int], ...], /) -> bool:
        """Whether a result has these columns, each a name and the number of a type."""
        ...


# the loaders of psycopg's compiled half whose work is done here, by their names
_LOADERS = {
    "TextBinaryLoader": "text",
    "ByteaBinaryLoader": "bytes",
    "BoolBinaryLoader": "bool",
    "Int2BinaryLoader": "int2",
    "Int4BinaryLoader": "int4",
    "Int8BinaryLoader": "int8",
    "OidBinaryLoader": "oid",
    "Float4BinaryLoader": "float4",
    "Float8BinaryLoader": "float8",
    "UUIDBinaryLoader": "uuid",
    "DateBinaryLoader": "date",
    "TimeBinaryLoader": "time",
    "TimestampBinaryLoader": "timestamp",
    "TimestamptzBinaryLoader": "timestamptz",
}
# the types whose values are written here
_WRITES = frozenset(
    (
        *("bool", "int2", "int4", "int8", "float8", "text", "bytea", "uuid"),
        *("date", "timestamp", "timestamptz"),
    )
)
_COMPILED_HALVES = {"psycopg_binary._psycopg", "psycopg_c._psycopg"}
_EPOCH = bytes(8)


def _linked() -> _Compiled | None:
    if os.environ.get("DBKIT_COMPILED") == "0":
        return None
    try:
        # it may not be there
        compiled = cast("_Compiled", import_module("dbkit.runtime._compiled"))
        # the module that has libpq loaded; of psycopg in plain Python it is none
        driver = str(sys.modules[pq.PGconn.__module__].__file__)
        compiled.link(driver, psycopg.OperationalError)
    except (ImportError, OSError):
        return None
    return compiled


COMPILED = _linked()
# counts the uses of statements, so that those not used for longest are known
next_use: Callable[[], int] = COMPILED.next_use if COMPILED else count(1).__next__


def row_reader(  # noqa: PLR0913 - all that a row depends on
    row: Callable[..., Any] | None,
    slots: tuple[str, ...] | None,
    nullable: Sequence[bool],
    loaders: Sequence[Any],
    converters: dict[int, Callable[[Any], Any]],
    *,
    is_utf8: bool,
    calls_out: bool,
) -> RowReader | None:
    """Make what reads rows whose columns these loaders read; None where nothing is compiled.

    `slots` are those of the class `row` that can be filled without calling it. `calls_out` says
    that code of the caller's runs for a row.
    """
    if COMPILED is None or (row is None and len(loaders) != 1):
        return None
    columns = tuple(
        (*_kind(loader, converters.get(number), is_utf8=is_utf8), may_be_null)
        for number, (loader, may_be_null) in enumerate(zip(loaders, nullable, strict=True))
    )
    return COMPILED.RowReader(row, slots, columns, calls_out)


def _kind(
    loader: Any,  # noqa: ANN401 - those of psycopg's compiled half have no common class
    convert: Callable[[Any], Any] | None,
    *,
    is_utf8: bool,
) -> tuple[str, object, Callable[[Any], Any] | None]:
    """Say how a column is read, by what, and what the value is converted by after that."""
    if isinstance(convert, JsonReader):
        return "jsonb" if convert.at else "json", parse, convert
    if loader.__class__ is Utf8BinaryLoader:
        return "text", None, convert
    is_known = loader.__class__.__module__ in _COMPILED_HALVES
    kind = _LOADERS.get(loader.__class__.__name__) if is_known else None
    if kind is None or (kind == "text" and not is_utf8):
        return "loader", loader.load, convert
    return kind, loader.load(_EPOCH).tzinfo if kind == "timestamptz" else None, convert


def set_writer(encoders: Iterable[tuple[Encoder, bool, bool]]) -> SetWriter | None:
    """Make what writes values in their binary form; None where nothing is compiled.

    With each encoder comes whether its value may be None, and whether it is used at all.
    """
    if COMPILED is None:
        return None
    return COMPILED.SetWriter(
        AsText,
        tuple(
            (*(_write(encoder) if is_used else ("null", None, None)), may_be_null)
            for encoder, may_be_null, is_used in encoders
        ),
    )


def _write(encoder: Encoder) -> tuple[str, Callable[[Any], object] | None, type | None]:
    """Say how a value is written in C, by what, and which class it has to be of."""
    if encoder.scalar == "numeric":
        return "function", numeric.DecimalBinaryDumper(Decimal).dump, Decimal
    if encoder.scalar in _WRITES:
        return encoder.scalar, None, None
    return "function", encoder.binary, None
