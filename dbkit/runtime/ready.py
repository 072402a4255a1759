"""A statement that is ready on a connection: it writes values and reads rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import starmap
from reprlib import Repr
from typing import Any, Generic, NamedTuple, TypeVar

from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGresult

from dbkit.errors import BadValue, Drifted
from dbkit.runtime.statement import Statement
from dbkit.runtime.wire import AnyConnection
from dbkit.runtime.wirevalues import AsText, Encoder, Unbindable

T = TypeVar("T")

_ABBREVIATED = Repr()
_ABBREVIATED.maxstring = _ABBREVIATED.maxother = 60


class Sent(NamedTuple):
    """The values of one call, as they go out."""

    values: Sequence[Buffer | None]
    formats: Sequence[Format]


@dataclass(slots=True, eq=False)
class Ready(Generic[T]):
    """A text with everything that depends on the database, found once for each connection."""

    statement: Statement[T]
    # the type of each value, by its keyword
    takes: tuple[tuple[str, str], ...]
    text: bytes
    types: tuple[int, ...]
    encoders: tuple[Encoder, ...]
    # for a value in PostgreSQL's own form
    as_text: Encoder
    result_format: Format
    # the columns that the server has to report
    columns: tuple[tuple[bytes, int], ...]
    adapters: AdaptersMap
    loaders: tuple[int, ...]
    converters: tuple[tuple[int, Callable[[Any], Any]], ...]

    def bind(self, values: Sequence[object]) -> Sent:
        """Write the values in the types of their parameters, or refuse one by name."""
        # text if the type has no binary form, or if the caller wrote the text
        binary = [
            encode.binary is not None and not isinstance(value, AsText)
            for encode, value in zip(self.encoders, values, strict=True)
        ]
        return Sent(
            [self.write(place, value, binary=binary[place]) for place, value in enumerate(values)],
            [Format.BINARY if one else Format.TEXT for one in binary],
        )

    def write(self, place: int, value: object, *, binary: bool) -> bytes | None:
        """Write the value of one parameter, or refuse it by the parameter's name."""
        if value is None:
            return None
        encode = self.encoders[place]
        write = encode.binary if binary else encode.text
        if isinstance(value, AsText) and not binary:
            write = self.as_text.text
        try:
            return (write or encode.text)(value)
        except Unbindable as refused:
            name, type_ = self.takes[place]
            shown = _ABBREVIATED.repr(value)
            query = self.statement.query
            raise BadValue(query, name, type_, shown, str(refused)) from None

    def check(self, result: PGresult) -> None:
        """Refuse a result whose columns are not those that the statement was typed for."""
        found = tuple(
            (result.fname(number) or b"", result.ftype(number)) for number in range(result.nfields)
        )
        if found != self.columns:
            expected, given = self._named(self.columns), self._named(found)
            raise Drifted(self.statement.query, expected, given, forgotten(self.statement))

    def _named(self, columns: Iterable[tuple[bytes, int]]) -> tuple[tuple[str, str], ...]:
        own = {
            oid: name
            for (_, oid), name in zip(self.columns, self.statement.gives.values(), strict=True)
        }
        known = self.adapters.types
        return tuple(
            (
                name.decode(errors="replace"),
                own.get(oid) or (known[oid].name if known.get(oid) else f"type {oid}"),
            )
            for name, oid in columns
        )

    def rows(self, connection: AnyConnection, result: PGresult) -> list[T]:
        """Build the rows of a result, by place, without looking a name up."""
        transformer = Transformer(_Context(self.adapters, connection))
        transformer.set_pgresult(result, set_loaders=False)
        transformer.set_loader_types(self.loaders, self.result_format)
        loaded: list[tuple[Any, ...]] = transformer.load_rows(0, result.ntuples, tuple)
        if self.converters:
            loaded = [self._converted(values) for values in loaded]
        row = self.statement.row
        if row is None:
            return [values[0] for values in loaded]
        return list(starmap(row, loaded))

    def _converted(self, values: Sequence[Any]) -> tuple[Any, ...]:
        converted = list(values)
        for place, convert in self.converters:
            if converted[place] is not None:
                converted[place] = convert(converted[place])
        return tuple(converted)


class _Context(NamedTuple):
    """What psycopg wants to know to read a result."""

    adapters: AdaptersMap
    # for its encoding and its time zone
    connection: AnyConnection


def forgotten(statement: Statement[Any]) -> bool:
    """Forget a statement of `dbkit.load`, so that the next call types it again."""
    if statement.forget is None:
        return False
    statement.forget()
    return True
