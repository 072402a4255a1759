"""A statement that is ready on a connection: it writes values and reads rows."""

import gc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from reprlib import Repr
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar
from weakref import ref

from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGconn, PGresult

from dbkit.errors import BadValue, Drifted
from dbkit.runtime.compiled import COMPILED, RowReader, StraightCall
from dbkit.runtime.omitted import OMITTED
from dbkit.runtime.statement import Composition, Statement
from dbkit.runtime.wire import Wire, WireContext
from dbkit.runtime.wirevalues import AsText, Encoder

if TYPE_CHECKING:
    from dbkit.runtime.makers import Bound, Built

T = TypeVar("T")

_ABBREVIATED = Repr()
_ABBREVIATED.maxstring = _ABBREVIATED.maxother = 60
# rows are built so many at a time, so that the tuples between are never many
PORTION = 5000
_FEW = 50


class Sent(NamedTuple):
    """The values of one call, as they go out."""

    values: Sequence[Buffer | None]
    formats: Sequence[Format]


@dataclass(slots=True, eq=False)
class Ready(Generic[T]):
    """A text with everything that depends on the database, found once for each connection."""

    # whoever calls it has it; the connection does not keep a statement that nobody has any more
    held: ref[Composition[T]]
    # the type of each value, by its keyword
    takes: tuple[tuple[str, str], ...]
    # of each value whether it may be None
    nullable: tuple[bool, ...]
    text: bytes
    # a digest of text and types: whoever prepares under this name prepares this statement
    name: bytes
    # whether the text means the same whenever it is prepared
    can_be_named: bool
    # whether it may write, and gives columns that tell of a change
    may_write: bool
    types: tuple[int, ...]
    encoders: tuple[Encoder, ...]
    # for a value in PostgreSQL's own form
    as_text: Encoder
    result_format: Format
    # whether there are types here that may be made anew under the same name
    has_own_types: bool
    # the columns that the server has to report
    columns: tuple[tuple[bytes, int], ...]
    adapters: AdaptersMap
    loaders: tuple[int, ...]
    # what writes the values of most calls, and the form that it writes them in
    bound: "Bound"
    formats: tuple[Format, ...]
    # reads rows in C, where that is compiled and the result is binary; otherwise psycopg reads
    # their values, and the rows are built of them
    reader: RowReader | None
    # whether code of the caller's runs for a row, which may call with the same connection
    calls_out: bool
    built: "Built"
    # raises what names the value that could not be read
    refuse_result: "Callable[[Ready[Any], PGconn, PGresult, Exception, int], NoReturn]"
    # settings that the server reports, and what they were: with others all this is made anew
    settings: tuple[tuple[bytes, bytes | None], ...]
    # sends most calls, in C; found when the first was sent
    straight: StraightCall | None = None
    # the number of the last use from Python
    used: int = 0
    # reads results, one at a time; taken out while it does
    _transformers: list[Any] = field(default_factory=list[Any])

    @property
    def last_use(self) -> int:
        """The number of the last use, the higher the later."""
        return self.used if self.straight is None else max(self.used, self.straight.used)

    @property
    def composition(self) -> Composition[T]:
        """The text, which the caller has as long as it is called."""
        composition = self.held()
        if composition is None:
            message = "the statement is gone while it is called"
            raise RuntimeError(message)
        return composition

    @property
    def statement(self) -> Statement[T]:
        """The statement that the text is of."""
        return self.composition.statement

    def fits(self, pgconn: PGconn) -> bool:
        """Whether what this was made for, such as the time zone, is still so."""
        status = pgconn.parameter_status
        return all(status(name) == value for name, value in self.settings)

    def write_call(
        self, values: Sequence[object]
    ) -> tuple[Sequence[Buffer | None], Sequence[Format]]:
        """Write the values of a call: all that a function was called with, `$1` first."""
        try:
            return self.bound(values), self.formats
        except Exception:  # noqa: BLE001 - whatever it is, the long way tells it by the parameter's name
            return self.bind(self.composition.bound(values))

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
        if value is OMITTED:
            return None
        if value is None:
            if not self.nullable[number]:
                self._refuse(number, value, "it may not be null")
            return None
        encoder = self.encoders[number]
        write = encoder.binary if binary else encoder.text
        if isinstance(value, AsText):
            if not binary:
                write = self.as_text.text
            elif encoder.takes_lists:
                # it would be a string in json
                self._refuse(number, value, "a binary copy has no place for a text form")
        try:
            return (write or encoder.text)(value)
        except Exception as refused:  # noqa: BLE001 - an object may have any of its own
            self._refuse(number, value, str(refused))

    def _refuse(self, number: int, value: object, reason: str) -> NoReturn:
        name, type_ = self.takes[number]
        shown = _ABBREVIATED.repr(value)
        raise BadValue(self.statement.query, name, type_, shown, reason) from None

    def matches(self, result: PGresult) -> bool:
        """Whether a result has the columns that the statement was typed for."""
        if COMPILED is not None:
            return bool(COMPILED.has_columns(result, self.columns))
        return _columns_of(result) == self.columns

    def check(self, result: PGresult) -> None:
        """Refuse a result whose columns are not those that the statement was typed for."""
        columns = _columns_of(result)
        if columns != self.columns:
            expected, found = self._with_types(self.columns), self._with_types(columns)
            raise Drifted(self.statement.query, expected, found, forget(self.statement))

    def changed(self) -> Drifted:
        """Give the error for columns that changed inside a transaction, where nobody can look."""
        expected = self._with_types(self.columns)
        return Drifted(self.statement.query, expected, None, forget(self.statement))

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

    def rows(self, pgconn: PGconn, result: PGresult, before: int = 0) -> list[T]:
        """Build the rows of a result, by place, without looking a name up.

        `before` is how many rows came in results before this one.
        """
        count = result.ntuples
        if not count:
            return []
        if self.reader is not None:
            try:
                if count <= _FEW:
                    return self.reader.read(result, 0, count)
                return _in_portions(count, partial(self.reader.read, result))
            except Exception:  # noqa: BLE001, S110 - whatever it is, the long way tells it
                pass
        return self._rows_of_values(pgconn, result, before)

    def _rows_of_values(self, pgconn: PGconn, result: PGresult, before: int) -> list[T]:
        count = result.ntuples
        try:
            transformer: Any = self._transformers.pop()
        except IndexError:
            transformer = Transformer(WireContext(self.adapters, Wire(pgconn)))
            transformer.set_loader_types(self.loaders, self.result_format)
        try:
            transformer.set_pgresult(result, set_loaders=False)
            if count <= _FEW:
                rows: list[T] = self.built(transformer.load_rows(0, count, tuple))
            else:
                rows = _in_portions(
                    count,
                    lambda start, end: self.built(transformer.load_rows(start, end, tuple)),
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, a value is at fault
            self.refuse_result(self, pgconn, result, error, before)
        # a large result is not kept
        transformer.set_pgresult(None, set_loaders=False)
        self._transformers.append(transformer)
        return rows


def _in_portions(count: int, read: Callable[[int, int], list[T]]) -> list[T]:
    """Build rows while Python looks for no garbage: it would find none among what is new.

    Going through ever more rows again and again costs more than to make them. The switch is one
    for all threads, so it is off for a portion at a time.
    """
    rows: list[T] = []
    for start in range(0, count, PORTION):
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            rows += read(start, min(count, start + PORTION))
        finally:
            if was_enabled:
                gc.enable()
    return rows


def _columns_of(result: PGresult) -> tuple[tuple[bytes, int], ...]:
    return tuple(
        (result.fname(number) or b"", result.ftype(number)) for number in range(result.nfields)
    )


def forget(statement: Statement[Any]) -> bool:
    """Forget a statement of `dbkit.load`, so that the next call types it again."""
    if statement.forget is None:
        return False
    statement.forget()
    return True
