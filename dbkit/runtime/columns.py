"""Write many sets of values at once: a column is checked as a whole, and C writes its rows."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import islice, repeat
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar, cast
from uuid import UUID

# the same function that psycopg's own copy calls for each row
from psycopg._copy_base import format_row_binary
from psycopg.abc import Buffer
from psycopg.abc import Transformer as TransformerType
from psycopg.adapt import AdaptersMap, Dumper, PyFormat, Transformer
from psycopg.pq import Format
from psycopg.types import bool as bools
from psycopg.types import datetime as datetimes
from psycopg.types import numeric, string
from psycopg.types import uuid as uuids

from dbkit.errors import BadValue
from dbkit.runtime.compiled import set_writer
from dbkit.runtime.ready import Ready, Sent
from dbkit.runtime.statement import Composition
from dbkit.runtime.wirevalues import AsText, Encoder, Unbindable, Write

T = TypeVar("T")

Values: TypeAlias = Sequence[object]
# some sets of values at a time, with the number of the first
Portions: TypeAlias = Iterable[tuple[int, list[Values]]]
# the values of calls as they go out: all in one, for C to send, or those of each
Calls: TypeAlias = bytearray | Iterable[tuple[Sequence[Buffer | None], Sequence[Format]]]
# gives the values that C writes, or raises anything at all if one of them may not fit
_Fit: TypeAlias = Callable[[Values], Values]


class _Fitting(Protocol):
    def __call__(self, *, nullable: bool) -> _Fit: ...


# a portion has about so many bytes, and so many sets at most
_PORTION_BYTES = 1 << 16
# fewer than the new objects that make Python's garbage collector look at them
_MOST_SETS = 300
_FIRST_SETS = 100


class Columns:
    """The values of one statement, which are taken in portions and written a column at a time.

    What is written is what `Ready.write` writes. A portion in which anything is out of the
    ordinary is written by that, one value after the other, so that it names what is wrong.
    """

    def __init__(
        self, composition: Composition[Any], ready: Ready[Any], order: Sequence[int] | None = None
    ) -> None:
        """Take the values in another order than the statement's, if one is given."""
        count = len(ready.encoders)
        self._composition = composition
        self._ready = ready
        self._order = range(count) if order is None else order
        self._pick = None if [*self._order] == [*range(count)] else _picker(self._order)
        used = composition.used
        columns = [
            _UNUSED if used and not used[number] else _column(encoder, nullable=nullable)
            for number, encoder, nullable in (
                (each, ready.encoders[each], ready.nullable[each]) for each in self._order
            )
        ]
        self.is_binary = None not in columns
        self._columns = [column for column in columns if column is not None]
        self._formats = [Format.BINARY] * len(columns)
        self._pyformats = [PyFormat.BINARY] * len(columns)
        self._fast = _transformer([column.oid for column in self._columns])
        self._writer = (
            set_writer(
                (ready.encoders[each], ready.nullable[each], not used or used[each])
                for each in self._order
            )
            if self.is_binary
            else None
        )
        self._written = _transformer([_BYTEA] * len(columns))
        self._next = _FIRST_SETS

    def portions(self, sets: Iterable[Values]) -> Portions:
        """Take the sets in portions, each with the number of its first set."""
        remaining = iter(sets)
        number = 1
        while portion := list(islice(remaining, self._next)):
            yield number, portion
            number += len(portion)

    def copy(self, first: int, sets: list[Values], into: bytearray) -> None:
        """Write a portion in the binary form of `copy`; all types have one."""
        start = len(into)
        try:
            if self._writer is not None:
                self._writer.write(self._arranged(sets), into)
            else:
                for row in self._fitted(sets):
                    format_row_binary(row, self._fast, into)
        except Exception:  # noqa: BLE001 - whatever it is, the long way names it
            del into[start:]
            for number, values in enumerate(sets, first):
                row = self.written(number, values, binary=True)
                format_row_binary(row, self._written, into)
        self._learn(len(into) - start, len(sets))

    def calls(self, first: int, sets: list[Values]) -> Calls:
        """Write the values of a portion, each set for a call of its own."""
        written = bytearray()
        if self._writer is not None:
            # whatever it is, the long way names it
            with suppress(Exception):
                self._writer.write(self._arranged(sets), written)
        if not written:
            return self._bound_calls(first, sets)
        self._learn(len(written), len(sets))
        return written

    def _bound_calls(
        self, first: int, sets: list[Values]
    ) -> Iterable[tuple[Sequence[Buffer | None], Sequence[Format]]]:
        if self.is_binary:
            dump = self._fast.dump_sequence
            try:
                written = [dump(row, self._pyformats) for row in self._fitted(sets)]
            except Exception:  # noqa: BLE001 - as above
                written = []
            if written:
                self._learn(len(written) * _size(written[0]), len(written))
                return zip(written, repeat(self._formats), strict=False)
        bound = [
            self._named(number, partial(self._sent, values))
            for number, values in enumerate(sets, first)
        ]
        self._learn(len(bound) * _size(bound[0].values), len(bound))
        return bound

    def _arranged(self, sets: list[Values]) -> list[Values]:
        if self._composition.used:
            sets = list(map(self._bound, sets))
        return sets if self._pick is None else list(map(self._pick, sets))

    def _fitted(self, sets: list[Values]) -> Iterable[Values]:
        sets = self._arranged(sets)
        columns = list(zip(*sets, strict=True))
        fitted = [column.fit(values) for column, values in zip(self._columns, columns, strict=True)]
        if all(after is before for after, before in zip(fitted, columns, strict=True)):
            return sets
        return zip(*fitted, strict=True)

    def written(self, number: int, values: Values, *, binary: bool) -> list[bytes | None]:
        """Write the values of one set, or refuse one by its parameter and the set's number."""

        def write() -> list[bytes | None]:
            bound = self._bound(values)
            return [self._ready.write(each, bound[each], binary=binary) for each in self._order]

        return self._named(number, write)

    def _sent(self, values: Values) -> Sent:
        return self._ready.bind(self._bound(values))

    def _bound(self, values: Values) -> Values:
        return self._composition.bound(values)

    def _named(self, number: int, write: Callable[[], T]) -> T:
        try:
            return write()
        except BadValue as error:
            error.add_note(f"in set {number}")
            raise

    def _learn(self, size: int, count: int) -> None:
        """Have the next portion take as many sets as its bytes allow, going by the last one."""
        self._next = max(1, min(_MOST_SETS, _PORTION_BYTES * count // max(size, 1)))


class _Column(NamedTuple):
    """How the values of one column go to C."""

    # of the type whose dumper writes them
    oid: int
    fit: _Fit


def _picker(order: Sequence[int]) -> Callable[[Values], Values]:
    if len(order) == 1:
        (only,) = order
        return lambda values: (values[only],)
    return itemgetter(*order)


def _size(values: Sequence[Buffer | None]) -> int:
    return sum(len(value) for value in values if value is not None)


def _of(*classes: type) -> _Fitting:
    """Fit values that are of these classes themselves."""

    def fitting(*, nullable: bool) -> _Fit:
        allowed = frozenset({*classes, type(None)} if nullable else classes)

        def fit(values: Values) -> Values:
            if allowed.issuperset(map(type, values)):
                return values
            raise Unbindable

        return fit

    return fitting


def _integers(code: str) -> _Fitting:
    """Fit integers that an array of this type code takes: C would cut off what is too large."""

    def fitting(*, nullable: bool) -> _Fit:
        of_class = _of(int)(nullable=nullable)

        def fit(values: Values) -> Values:
            numbers = cast("Sequence[int]", of_class(values))
            # 0 fits as well, and is left out with None
            array(code, filter(None, numbers) if nullable else numbers)
            return values

        return fit

    return fitting


def _texts(*, nullable: bool) -> _Fit:
    of_class = _of(str)(nullable=nullable)

    def fit(values: Values) -> Values:
        texts = cast("Sequence[str]", of_class(values))
        if "\0" in "".join(filter(None, texts) if nullable else texts):
            raise Unbindable
        return values

    return fit


def _converted(write: Write, *, nullable: bool) -> _Fit:
    """Write the values in Python, so that C has only bytes to copy."""

    def fit(values: Values) -> Values:
        if any(isinstance(value, AsText) for value in values):
            raise Unbindable
        if nullable:
            return [None if value is None else write(value) for value in values]
        if any(value is None for value in values):
            raise Unbindable
        return [write(value) for value in values]

    return fit


def _nothing(values: Values) -> Values:
    return [None] * len(values)


_BYTEA = string.BytesBinaryDumper.oid
_FITS: dict[str, tuple[type[Dumper], _Fitting]] = {
    "bool": (bools.BoolBinaryDumper, _of(bool)),
    "int2": (numeric.Int2BinaryDumper, _integers("h")),
    "int4": (numeric.Int4BinaryDumper, _integers("i")),
    # C refuses one that is too large
    "int8": (numeric.Int8BinaryDumper, _of(int)),
    "float8": (numeric.FloatBinaryDumper, _of(float, int)),
    "numeric": (numeric.DecimalBinaryDumper, _of(Decimal)),
    "text": (string.StrBinaryDumper, _texts),
    "bytea": (string.BytesBinaryDumper, _of(bytes)),
    "uuid": (uuids.UUIDBinaryDumper, _of(UUID)),
    "date": (datetimes.DateBinaryDumper, _of(date)),
    # psycopg refuses a moment without the zone its type needs, and one with a zone too many
    "timestamp": (datetimes.DatetimeNoTzBinaryDumper, _of(datetime)),
    "timestamptz": (datetimes.DatetimeBinaryDumper, _of(datetime)),
}


# of a value that the text does without
_UNUSED = _Column(_BYTEA, _nothing)


def _column(encoder: Encoder, *, nullable: bool) -> _Column | None:
    """Say how values go to C that this encoder would write; None if they have no binary form."""
    if encoder.binary is None:
        return None
    if encoder.scalar in _FITS:
        dumper, fitting = _FITS[encoder.scalar]
        return _Column(dumper.oid, fitting(nullable=nullable))
    return _Column(_BYTEA, _converted(encoder.binary, nullable=nullable))


def _adapters() -> AdaptersMap:
    """Give the dumpers of `_FITS` and no others, whatever was registered with psycopg."""
    adapters = AdaptersMap()
    for dumper, _ in _FITS.values():
        adapters.register_dumper(None, dumper)
    return adapters


class _Context(NamedTuple):
    """What psycopg wants to know to write values; without a connection, text is UTF-8."""

    adapters: AdaptersMap
    connection: None = None


_CONTEXT = _Context(_adapters())


def _transformer(oids: Sequence[int]) -> TransformerType:
    transformer: TransformerType = Transformer(_CONTEXT)
    transformer.set_dumper_types(oids, Format.BINARY)
    return transformer
