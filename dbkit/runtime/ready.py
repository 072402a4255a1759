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
            encoder.binary is not None and not isinstance(value, AsText)
            for encoder, value in zip(self.encoders, values, strict=True)
        ]
        return Sent(
            [
                self.write(number, value, binary=is_binary)
                for number, (value, is_binary) in enumerate(zip(values, binary, strict=True))
            ],
            [Format.BINARY if is_binary else Format.TEXT for is_binary in binary],
        )

    def write(self, number: int, value: object, *, binary: bool) -> bytes | None:
        """Write the value of a parameter, or refuse it by the parameter's name.

        The parameters are numbered from 0 here, where the text has `$1`.
        """
        if value is None:
            return None
        encoder = self.encoders[number]
        write = encoder.binary if binary else encoder.text
        if isinstance(value, AsText) and not binary:
            write = self.as_text.text
        try:
            return (write or encoder.text)(value)
        except Unbindable as refused:
            name, type_ = self.takes[number]
            shown = _ABBREVIATED.repr(value)
            query = self.statement.query
            raise BadValue(query, name, type_, shown, str(refused)) from None

    def check(self, result: PGresult) -> None:
        """Refuse a result whose columns are not those that the statement was typed for."""
        columns = tuple(
            (result.fname(number) or b"", result.ftype(number)) for number in range(result.nfields)
        )
        if columns != self.columns:
            expected, found = self._with_types(self.columns), self._with_types(columns)
            raise Drifted(self.statement.query, expected, found, forget(self.statement))

    def _with_types(self, columns: Iterable[tuple[bytes, int]]) -> tuple[tuple[str, str], ...]:
        types = {
            oid: name
            for (_, oid), name in zip(self.columns, self.statement.gives.values(), strict=True)
        }
        registry = self.adapters.types
        return tuple(
            (
                name.decode(errors="replace"),
                types.get(oid) or (registry[oid].name if registry.get(oid) else f"type {oid}"),
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
        for number, convert in self.converters:
            if converted[number] is not None:
                converted[number] = convert(converted[number])
        return tuple(converted)


class _Context(NamedTuple):
    """What psycopg wants to know to read a result."""

    adapters: AdaptersMap
    # for its encoding and its time zone
    connection: AnyConnection


def forget(statement: Statement[Any]) -> bool:
    """Forget a statement of `dbkit.load`, so that the next call types it again."""
    if statement.forget is None:
        return False
    statement.forget()
    return True
