"""Make a statement ready on a connection: its types found there, its columns compared."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, NoReturn, TypeVar
from weakref import ref

from psycopg.pq import Format

from dbkit.errors import UnexpectedNull, UnknownType, Unsendable
from dbkit.pgtypes import PgType, TypeKind
from dbkit.runtime.connectiontypes import ConnectionTypes
from dbkit.runtime.encoders import make_encoder, make_scalar_encoder
from dbkit.runtime.makers import make_bound, make_built
from dbkit.runtime.reading import choose_reading, refuse_result
from dbkit.runtime.ready import Ready, forget
from dbkit.runtime.statement import Composition, Statement
from dbkit.runtime.wire import AnyConnection, client_encoding

__all__ = ["ConnectionTypes", "assemble", "sent_types", "type_names"]

T = TypeVar("T")

# every loader may depend on these
_SETTINGS = (b"client_encoding", b"TimeZone")
# and a literal, or a value in text form, on these
_SETTINGS_OF_TEXTS = (
    *_SETTINGS,
    b"DateStyle",
    b"IntervalStyle",
    b"standard_conforming_strings",
)
# a literal of these words is a moment, which a prepared statement would hold on to
_MOMENTS = re.compile(r"\b(now|today|tomorrow|yesterday)\b(?!\s*\()", re.IGNORECASE)

# a word too many costs a round trip where statements have no name
_WRITES = re.compile(
    r"\b(insert|(?<!\bfor\s)(?<!\bkey\s)update|delete|merge|call)\b", re.IGNORECASE
)


def holds_no_moment(text: str) -> bool:
    """Whether a text means the same whenever it is prepared."""
    has_literal = "'" in text or "$$" in text
    return not (has_literal and _MOMENTS.search(text))


def type_names(composition: Composition[Any]) -> list[str]:
    """Return the names of all types that a statement needs."""
    return [*sent_types(composition), *composition.statement.gives.values()]


def assemble(
    connection: AnyConnection,
    composition: Composition[T],
    types: ConnectionTypes,
    when_gone: Callable[[ref[Composition[T]]], object],
) -> Ready[T]:
    """Put together all that a statement needs on this connection; its types are found by now.

    `when_gone` is called when nobody has the statement any more.
    """
    statement = composition.statement
    encoding = client_encoding(connection)

    def type_of(name: str) -> PgType:
        if (type_ := types.get(name)) is None:
            raise UnknownType(statement.query, name, forget(statement))
        return type_

    parameters = [type_of(name) for name in sent_types(composition)]
    encoders = tuple(
        make_encoder(type_, encoding, infinity=name in statement.infinite)
        for name, type_ in zip(statement.takes, parameters, strict=True)
    )
    columns = [_base(type_of(name)) for name in statement.gives.values()]
    reading = choose_reading(connection.pgconn, statement, columns, types, encoding)
    result_format = reading.result_format
    # `dbkit monitor` and the server's log show the name at its end
    text = f"{composition.text} /* {statement.query} */"
    has_literal = "'" in composition.text or "$$" in composition.text
    settings = _SETTINGS_OF_TEXTS if has_literal or not result_format else _SETTINGS
    status = connection.pgconn.parameter_status
    now_set = tuple((name, status(name)) for name in settings)
    oids = tuple(type_.oid for type_ in parameters)
    # what a literal means was settled when the statement was prepared
    meaning = (text, oids, now_set if has_literal else now_set[:1])
    nullable = statement.nullable_values
    return Ready(
        ref(composition, when_gone),
        tuple(statement.takes.items()),
        nullable,
        _encoded(statement, text, encoding),
        f"dbkit_{sha256(repr(meaning).encode()).hexdigest()[:32]}".encode(),
        holds_no_moment(text),
        bool(columns) and _WRITES.search(text) is not None,
        oids,
        encoders,
        make_scalar_encoder("text", encoding),
        result_format,
        any(types.was_asked(name) for name in type_names(composition)),
        tuple(
            (_encoded(statement, name, encoding), type_.oid)
            for name, type_ in zip(statement.gives, columns, strict=True)
        ),
        reading.adapters,
        reading.loaders,
        make_bound(
            list(zip(parameters, encoders, strict=True)),
            nullable,
            composition.used,
            composition.count,
            encoding,
        ),
        tuple(Format.TEXT if encoder.binary is None else Format.BINARY for encoder in encoders),
        reading.reader(connection.pgconn, statement.row, statement.nullable_columns),
        reading.calls_out(statement.row, len(columns)),
        make_built(
            statement.row,
            statement.nullable_columns,
            reading.converters,
            partial(_refuse_null, ref(statement)),
        ),
        partial(refuse_result, types),
        now_set,
    )


def _encoded(statement: Statement[Any], text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise Unsendable(statement.query, text[error.start], encoding) from None


def sent_types(composition: Composition[Any]) -> list[str]:
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


def _refuse_null(held: ref[Statement[Any]], values: Sequence[object]) -> NoReturn:
    if (statement := held()) is None:
        message = "the statement is gone while its rows are read"
        raise RuntimeError(message)
    columns = zip(statement.gives, statement.nullable_columns, values, strict=True)
    name = next(name for name, nullable, value in columns if value is None and not nullable)
    raise UnexpectedNull(statement.query, name, forget(statement))
