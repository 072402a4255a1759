"""Make a statement ready on a connection: its types found there, its columns compared."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import starmap
from reprlib import Repr
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGresult

from dbkit.errors import BadValue, Drifted, InsidePipeline, UnknownType, WrongShape
from dbkit.pgtypes import PgType, TypeKind, Unfit, builder, json_reader
from dbkit.runtime.connectiontypes import ConnectionTypes
from dbkit.runtime.containers import encoder, is_binary
from dbkit.runtime.scalars import AsText, Encoder, Unbindable, scalar_encoder
from dbkit.runtime.statement import Composition, Statement
from dbkit.runtime.wire import AnyConnection, Steps, begin, client_encoding, describe, in_pipeline

T = TypeVar("T")

_BYTEA = 17
_TEXT = 25
_ABBREVIATED = Repr()
_ABBREVIATED.maxstring = _ABBREVIATED.maxother = 60


class Sent(NamedTuple):
    """The values of one call, as they go out."""

    values: Sequence[Buffer | None]
    formats: Sequence[Format]


@dataclass(frozen=True, slots=True, eq=False)
class Ready(Generic[T]):
    """A text with all that depends on the database, found out once a connection."""

    statement: Statement[T]
    # the type of each value, by its keyword
    takes: tuple[tuple[str, str], ...]
    text: bytes
    types: tuple[int, ...]
    encoders: tuple[Encoder, ...]
    # for a value in PostgreSQL's own form
    as_text: Encoder
    result_format: Format
    # what the server is to say of the columns
    columns: tuple[tuple[bytes, int], ...]
    adapters: AdaptersMap
    loaders: tuple[int, ...]
    converters: tuple[tuple[int, Callable[[Any], Any]], ...]

    def bind(self, values: Sequence[object]) -> Sent:
        """Write the values in the types of their parameters, or refuse one by name."""
        # a form that has no binary, or that the caller wrote, goes as text
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
            raise Drifted(self.statement.query, expected, given, _forgotten(self.statement))

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


@dataclass(slots=True)
class _Session:
    """What has been found out on one connection."""

    types: ConnectionTypes = field(default_factory=ConnectionTypes)
    ready: dict[Composition[Any], Ready[Any]] = field(
        default_factory=dict[Composition[Any], Ready[Any]]
    )


# nothing in a session refers to its connection, so that it goes when the connection does
_SESSIONS: WeakKeyDictionary[AnyConnection, _Session] = WeakKeyDictionary()


def make_ready(connection: AnyConnection, composition: Composition[T]) -> Steps[Ready[T]]:
    """Give the text made ready, its transaction begun; the first time, ask the server."""
    statement = composition.statement
    if in_pipeline(connection.pgconn):
        raise InsidePipeline(statement.query)
    session = _SESSIONS.get(connection)
    if session is None:
        session = _SESSIONS[connection] = _Session()
    ready: Ready[T] | None = session.ready.get(composition)
    if ready is None:
        statement.file.refuse_edited()
    yield from begin(connection)
    if ready is None:
        named = [*statement.takes.values(), *statement.gives.values()]
        yield from session.types.find(connection, named)
        ready = _found(composition, session.types, client_encoding(connection))
        ready.check((yield from describe(connection.pgconn, ready.text, ready.types)))
        session.ready[composition] = ready
    return ready


def _found(composition: Composition[T], types: ConnectionTypes, encoding: str) -> Ready[T]:
    statement = composition.statement

    def type_of(name: str) -> PgType:
        if (found := types.get(name)) is None:
            raise UnknownType(statement.query, name, _forgotten(statement))
        return found

    parameters = [type_of(name) for name in statement.takes.values()]
    columns = [_base(type_of(name)) for name in statement.gives.values()]
    result_format = Format.BINARY if all(map(is_binary, columns)) else Format.TEXT
    loaders: list[int] = []
    converters: list[tuple[int, Callable[[Any], Any]]] = []
    for place, (name, type_) in enumerate(zip(statement.gives, columns, strict=True)):
        into = statement.into(name)
        raw = type_.name in {"json", "jsonb"} and into is not None
        # as bytes: what reads them knows what they are to become
        loaders.append((_BYTEA if result_format else _TEXT) if raw else type_.oid)
        if into is not None:
            version = type_.name == "jsonb" and result_format == Format.BINARY
            read = _json(into, version=version) if raw else builder(into)
            converters.append((place, partial(_convert, statement.query, name, read)))
    return Ready(
        statement,
        tuple(statement.takes.items()),
        # the name at its end is read by whoever watches the server: `dbkit monitor`, or a log
        f"{composition.text} /* {statement.query} */".encode(encoding),
        tuple(type_.oid for type_ in parameters),
        tuple(encoder(type_, encoding) for type_ in parameters),
        scalar_encoder("text", encoding),
        result_format,
        tuple(
            (name.encode(encoding), type_.oid)
            for name, type_ in zip(statement.gives, columns, strict=True)
        ),
        types.adapters,
        tuple(loaders),
        tuple(converters),
    )


def _forgotten(statement: Statement[Any]) -> bool:
    if statement.forget is None:
        return False
    statement.forget()
    return True


def _base(type_: PgType) -> PgType:
    # of a column the server tells the base, whatever the domain
    while type_.kind is TypeKind.DOMAIN and type_.of is not None:
        type_ = type_.of
    return type_


def _json(into: Any, *, version: bool) -> Callable[[Any, str], Any]:  # noqa: ANN401 - a type form is not always a class
    read = json_reader(into)
    # jsonb's binary form begins with the number of its version
    return (lambda raw, place: read(raw[1:], place)) if version else read


def _convert(query: str, column: str, read: Callable[[Any, str], Any], value: object) -> object:
    try:
        return read(value, "$")
    except (Unfit, json.JSONDecodeError) as fault:
        raise WrongShape(query, column, str(fault)) from fault
