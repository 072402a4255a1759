"""Choose how the columns of a result are read, and tell which of its values cannot be."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

from psycopg.adapt import AdaptersMap, Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGconn, PGresult

from dbkit.errors import UnexpectedNull, Unreadable, WrongShape
from dbkit.pgtypes import PgType, Unfit, builder, json_reader
from dbkit.runtime.compiled import RowReader, row_reader
from dbkit.runtime.connectiontypes import ConnectionTypes
from dbkit.runtime.encoders import is_binary
from dbkit.runtime.jsonreading import make_json_reader
from dbkit.runtime.makers import fillable_slots
from dbkit.runtime.statement import Statement
from dbkit.runtime.wire import Wire, WireContext, is_sql_ascii
from dbkit.runtime.wirevalues import INFINITY, MINUS_INFINITY

if TYPE_CHECKING:
    from dbkit.runtime.ready import Ready

_Convert: TypeAlias = Callable[[Any], Any]

_BYTEA = 17
_TEXT = 25
_JSON = {"json", "jsonb"}


class Reading(NamedTuple):
    """How a result is read: each column as a type, and by what it is converted after that."""

    result_format: Format
    adapters: AdaptersMap
    loaders: tuple[int, ...]
    converters: list[tuple[int, _Convert]]
    # whether a text comes as UTF-8
    is_utf8: bool

    def reader(
        self, pgconn: PGconn, row: Callable[..., Any] | None, nullable: Sequence[bool]
    ) -> RowReader | None:
        """Make what reads rows in C; None where that is not compiled, or they come as text."""
        if self.result_format is Format.TEXT:
            return None
        transformer = Transformer(WireContext(self.adapters, Wire(pgconn)))
        return row_reader(
            row,
            fillable_slots(row, len(nullable)),
            nullable,
            [transformer.get_loader(oid, Format.BINARY) for oid in self.loaders],
            dict(self.converters),
            is_utf8=self.is_utf8,
            calls_out=self.calls_out(row, len(nullable)),
        )

    def calls_out(self, row: Callable[..., Any] | None, count: int) -> bool:
        """Whether code of the caller's may run for a row, such as a model's validator.

        It may call with the same connection, so it has to wait until that is at rest.
        """
        if row is not None and fillable_slots(row, count) is None:
            return True
        return any(_calls_out(convert) for _, convert in self.converters)


def choose_reading(
    pgconn: PGconn,
    statement: Statement[Any],
    columns: Sequence[PgType],
    types: ConnectionTypes,
    encoding: str,
) -> Reading:
    """Choose how columns of these types are read.

    All of a result comes in one form, so one column that has no binary form brings text to all.
    """
    result_format = Format.BINARY if all(map(is_binary, columns)) else Format.TEXT
    is_ascii = is_sql_ascii(pgconn)
    chooser = _Chooser(pgconn, statement, types, encoding, result_format, is_ascii=is_ascii)
    loaders: list[int] = []
    converters: list[tuple[int, _Convert]] = []
    for number, (name, type_) in enumerate(zip(statement.gives, columns, strict=True)):
        loader, *steps = chooser.steps(name, type_)
        loaders.append(loader)
        if steps:
            converters.append((number, steps[0] if len(steps) == 1 else partial(_both, *steps)))
    adapters = types.adapters_for(utf8=is_ascii)
    is_utf8 = encoding == "utf-8" and not is_ascii
    return Reading(result_format, adapters, tuple(loaders), converters, is_utf8)


def _calls_out(convert: _Convert) -> bool:
    return isinstance(convert, partial) and convert.func in {_convert, _both}


def _both(load: _Convert, convert: _Convert, value: object) -> object:
    return convert(load(value))


class _Chooser:
    def __init__(  # noqa: PLR0913 - all that a choice depends on
        self,
        pgconn: PGconn,
        statement: Statement[Any],
        types: ConnectionTypes,
        encoding: str,
        result_format: Format,
        *,
        is_ascii: bool,
    ) -> None:
        self._pgconn = pgconn
        self._statement = statement
        self._types = types
        self._encoding = encoding
        self._format = result_format
        # quotes and backslashes of a text form are bytes, and in GBK halves of characters, too
        self._is_foreign_text = result_format is Format.TEXT and encoding != "utf-8"
        self._is_ascii = is_ascii

    def steps(self, name: str, type_: PgType) -> Iterator[Any]:
        """Give the type that a column is loaded as, and what converts it after that."""
        statement, into = self._statement, self._statement.into(name)
        if type_.name in _JSON:
            yield from self._json_steps(name, type_, into)
            return
        read_type = self._types.in_text(type_) if self._format is Format.TEXT else type_
        infinity = name in statement.infinite
        if infinity or self._is_foreign_text:
            yield _TEXT if self._format is Format.TEXT else _BYTEA
            load = self._load(read_type, infinity=infinity)
            yield partial(_load, statement.query, name, load)
        else:
            yield read_type.oid
        if into is not None:
            yield partial(_convert, statement.query, name, builder(into))

    def _json_steps(self, name: str, type_: PgType, into: Any) -> Iterator[Any]:  # noqa: ANN401 - a type form is not always a class
        in_binary = self._format is Format.BINARY
        version = in_binary and type_.name == "jsonb"
        query = self._statement.query
        raw = _BYTEA if in_binary else _TEXT
        decode = partial(_text, 1 if version else 0, self._encoding)
        if into is not None:
            yield raw
            yield partial(_convert, query, name, _json(into, decode))
            return
        read = None
        if in_binary and self._encoding == "utf-8":
            read = make_json_reader(version=version)
        yield raw
        yield read or partial(_load, query, name, lambda data: json.loads(decode(data)))

    def _load(self, type_: PgType, *, infinity: bool) -> Callable[[Any], Any]:
        is_foreign = self._is_foreign_text
        adapters = self._types.adapters_for(utf8=self._is_ascii or is_foreign, infinity=infinity)
        transformer = Transformer(WireContext(adapters, Wire(self._pgconn)))
        loader = transformer.get_loader(type_.oid, self._format)
        if self._format is Format.BINARY:
            return loader.load
        return lambda text: loader.load(text.encode())


def _text(version: int, encoding: str, data: bytes | str) -> str:
    return data[version:] if isinstance(data, str) else data[version:].decode(encoding)


def _json(into: Any, decode: Callable[[Any], str]) -> Callable[[Any, str], Any]:  # noqa: ANN401 - as above
    read = json_reader(into)
    return lambda raw, path: read(decode(raw), path)


def _convert(query: str, column: str, read: Callable[[Any, str], Any], value: object) -> object:
    try:
        return read(value, "$")
    except (Unfit, json.JSONDecodeError) as fault:
        if isinstance(fault, Unfit) and fault.expected.startswith(("date", "time")):
            if fault.value in {INFINITY, MINUS_INFINITY}:
                raise Unreadable(query, column, _endless(column)) from fault
            if _MOMENT.match(str(fault.value)):
                reason = f"{_sentence(fault)}; {_AS_TEXT.format(column)}"
                raise Unreadable(query, column, reason) from fault
        raise WrongShape(query, column, str(fault)) from fault


def _load(query: str, column: str, load: Callable[[Any], Any], value: object) -> object:
    try:
        return load(value)
    except Exception as fault:
        reason = f"{_sentence(fault)}; {_AS_TEXT.format(column)}"
        raise Unreadable(query, column, reason) from fault


def _endless(column: str) -> str:
    return (
        f"infinity, which Python has no form for; to take it, write `-- {column}: infinity` in the "
        f"query's header, or {_AS_TEXT.format(column)}"
    )


_AS_TEXT = "read it as text, as in `{}::text`"
# how PostgreSQL writes one in json, also before Christ, after the year 9999, and at 24:00
_MOMENT = re.compile(r"\d{4,}-\d\d-\d\d|\d\d:\d\d:\d\d")


def refuse_result(  # noqa: PLR0913, PLR0917 - what is looked at, and where it stands
    types: ConnectionTypes,
    ready: "Ready[Any]",
    pgconn: PGconn,
    result: PGresult,
    error: Exception,
    before: int,
) -> NoReturn:
    """Raise what tells the column and the row of the value that could not be read.

    `before` is how many rows came in results before this one.
    """
    names = [*ready.statement.gives]
    wire, form = Wire(pgconn), ready.result_format
    plain = Transformer(WireContext(ready.adapters, wire))
    plain.set_loader_types(ready.loaders, form)
    plain.set_pgresult(result, set_loaders=False)
    for row in range(result.ntuples):
        for number, name in enumerate(names):
            value = result.get_value(row, number)
            if value is None:
                continue
            try:
                plain.get_loader(ready.loaders[number], form).load(value)
            except Exception as fault:
                adapters = types.adapters_for(utf8=True, infinity=True)
                endless = Transformer(WireContext(adapters, wire))
                reason = _reason(endless, ready.loaders[number], form, value, name, fault)
                raise Unreadable(ready.statement.query, name, reason, before + row + 1) from fault
        try:
            ready.built(plain.load_rows(row, row + 1, tuple))
        except Unreadable as fault:
            fault.row = before + row + 1
            raise
        except (UnexpectedNull, WrongShape) as fault:
            fault.add_note(f"in row {before + row + 1}")
            raise
    raise error


def _reason(  # noqa: PLR0913, PLR0917 - what is tried, and how
    endless: Any,  # noqa: ANN401 - psycopg has two transformers
    oid: int,
    form: Format,
    value: bytes,
    column: str,
    fault: Exception,
) -> str:
    """Say what is wrong with a value: infinity, if it can be read where that is a word."""
    try:
        endless.get_loader(oid, form).load(value)
    except Exception:  # noqa: BLE001 - it is something else
        return f"{_sentence(fault)}; {_AS_TEXT.format(column)}"
    return _endless(column)


def _sentence(fault: Exception) -> str:
    if isinstance(fault, UnicodeDecodeError):
        return f"bytes that are not {fault.encoding}"
    return f"a value that Python has no form for ({' '.join(str(fault).split())})"
