"""Make a statement ready on a connection: its types found there, its columns compared."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from psycopg.pq import Format

from dbkit.errors import UnknownType, WrongShape
from dbkit.pgtypes import PgType, TypeKind, Unfit, builder, json_reader
from dbkit.runtime.connectiontypes import ConnectionTypes
from dbkit.runtime.encoders import is_binary, make_encoder, make_scalar_encoder
from dbkit.runtime.ready import Ready, forget
from dbkit.runtime.statement import Composition
from dbkit.runtime.wire import AnyConnection, Steps, client_encoding, describe

__all__ = ["ConnectionTypes", "prepare"]

T = TypeVar("T")

_BYTEA = 17
_TEXT = 25


def prepare(
    connection: AnyConnection, composition: Composition[T], types: ConnectionTypes
) -> Steps[Ready[T]]:
    """Find the types of a statement on a connection, and hold its columns to them."""
    statement = composition.statement
    yield from types.find(connection, [*_sent_types(composition), *statement.gives.values()])
    ready = _assemble(composition, types, client_encoding(connection))
    ready.check((yield from describe(connection.pgconn, ready.text, ready.types)))
    return ready


def _assemble(composition: Composition[T], types: ConnectionTypes, encoding: str) -> Ready[T]:
    statement = composition.statement

    def type_of(name: str) -> PgType:
        if (type_ := types.get(name)) is None:
            raise UnknownType(statement.query, name, forget(statement))
        return type_

    parameters = [type_of(name) for name in _sent_types(composition)]
    columns = [_base(type_of(name)) for name in statement.gives.values()]
    result_format = Format.BINARY if all(map(is_binary, columns)) else Format.TEXT
    loaders: list[int] = []
    converters: list[tuple[int, Callable[[Any], Any]]] = []
    for number, (name, type_) in enumerate(zip(statement.gives, columns, strict=True)):
        into = statement.into(name)
        raw = type_.name in {"json", "jsonb"} and into is not None
        # loaded as bytes, which the reader of the json type parses
        loaders.append((_BYTEA if result_format else _TEXT) if raw else type_.oid)
        if into is not None:
            version = type_.name == "jsonb" and result_format == Format.BINARY
            read = _json(into, version=version) if raw else builder(into)
            converters.append((number, partial(_convert, statement.query, name, read)))
    return Ready(
        statement,
        tuple(statement.takes.items()),
        # `dbkit monitor` and the server's log show the name at its end
        f"{composition.text} /* {statement.query} */".encode(encoding),
        tuple(type_.oid for type_ in parameters),
        tuple(make_encoder(type_, encoding) for type_ in parameters),
        make_scalar_encoder("text", encoding),
        result_format,
        tuple(
            (name.encode(encoding), type_.oid)
            for name, type_ in zip(statement.gives, columns, strict=True)
        ),
        types.adapters,
        tuple(loaders),
        tuple(converters),
    )


def _sent_types(composition: Composition[Any]) -> list[str]:
    """Return the types of `$1`, `$2` and so on; text for a value that this text does without."""
    types = list(composition.statement.takes.values())
    if not composition.used:
        return types
    # a null of a domain may be refused, even where it stands nowhere
    return [
        type_ if is_used else "text" for type_, is_used in zip(types, composition.used, strict=True)
    ]


def _base(type_: PgType) -> PgType:
    # for a column of a domain, the server reports the base type
    while type_.kind is TypeKind.DOMAIN and type_.of is not None:
        type_ = type_.of
    return type_


def _json(into: Any, *, version: bool) -> Callable[[Any, str], Any]:  # noqa: ANN401 - a type form is not always a class
    read = json_reader(into)
    # the binary form of jsonb begins with a version number
    return (lambda raw, path: read(raw[1:], path)) if version else read


def _convert(query: str, column: str, read: Callable[[Any, str], Any], value: object) -> object:
    try:
        return read(value, "$")
    except (Unfit, json.JSONDecodeError) as fault:
        raise WrongShape(query, column, str(fault)) from fault
