"""Load many sets of values at once, the way `copy ... from stdin` does."""

import re
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from struct import pack
from typing import Any, overload

import psycopg
from psycopg import AsyncConnection, Connection, generators

from dbkit.errors import QueryError
from dbkit.runtime.ready import Ready, make_ready
from dbkit.runtime.statement import Statement
from dbkit.runtime.wire import AnyConnection, Steps, answer, client_encoding, run
from dbkit.sqltext import BLANK, TokenKind, tokens


@dataclass(eq=False)
class NotCopyable(QueryError):
    """A :copy query is more than a plain insert of its parameters."""

    query: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.query} cannot be copied: {self.reason}; a :copy query is a plain insert "
            "of its parameters, each as it is, into columns that it lists"
        )


_CHUNK = 1 << 16
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_SPECIAL = re.compile(rb"[\\\n\r\t]")
_ESCAPES = {b"\\": rb"\\", b"\n": rb"\n", b"\r": rb"\r", b"\t": rb"\t"}


@overload
def copy(
    connection: Connection[Any], statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> int: ...
@overload
def copy(
    connection: AsyncConnection[Any], statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> Coroutine[Any, Any, int]: ...
def copy(
    connection: AnyConnection, statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> int | Coroutine[Any, Any, int]:
    """Give the number of rows loaded; where one is refused, none is loaded.

    The statement is a plain insert of its parameters: psql runs it for one row, and what is
    sent here is the `copy` into the same columns, in binary where all their types allow.
    """
    return run(connection, _copy(connection, statement, sets))


@dataclass(frozen=True, slots=True)
class _Plan:
    """The table with its columns, as written, and which parameter each column gets."""

    into: str
    order: tuple[int, ...]


def _copy(
    connection: AnyConnection, statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> Steps[int]:
    plan = _plan(statement)
    pgconn = connection.pgconn
    try:
        ready = yield from make_ready(connection, statement)
        binary = all(encode.binary is not None for encode in ready.encoders)
        text = f"copy {plan.into} from stdin{' (format binary)' if binary else ''}"
        pgconn.send_query_params(text.encode(client_encoding(connection)), None)
        yield from answer(pgconn)
        rows = (_in_order(statement, plan, values) for values in sets)
        try:
            for chunk in _chunks(_binary(ready, rows) if binary else _text(ready, rows)):
                yield from generators.copy_to(pgconn, chunk)
        except (Exception, KeyboardInterrupt):
            # the server forgets what came so far; what it says of that is not the news
            with suppress(psycopg.Error):
                yield from generators.copy_end(pgconn, b"given up")
            raise
        result = yield from generators.copy_end(pgconn, None)
    except psycopg.Error as error:
        statement.note(error)
        raise
    return result.command_tuples or 0


def _in_order(
    statement: Statement[Any], plan: _Plan, values: Sequence[object]
) -> list[tuple[int, object]]:
    if len(values) != len(statement.parameters):
        message = f"{statement.query} takes {len(statement.parameters)} values, not {len(values)}"
        raise ValueError(message)
    return [(place, values[place]) for place in plan.order]


def _binary(ready: Ready[Any], rows: Iterable[list[tuple[int, object]]]) -> Iterator[bytes]:
    yield _SIGNATURE
    for row in rows:
        yield pack("!h", len(row))
        for place, value in row:
            written = ready.write(place, value, binary=True)
            yield _NULL if written is None else pack("!i", len(written)) + written
    yield _END


def _text(ready: Ready[Any], rows: Iterable[list[tuple[int, object]]]) -> Iterator[bytes]:
    for row in rows:
        fields: list[bytes] = []
        for place, value in row:
            written = ready.write(place, value, binary=False)
            fields.append(rb"\N" if written is None else _SPECIAL.sub(_escaped, written))
        yield b"\t".join(fields) + b"\n"


def _escaped(special: re.Match[bytes]) -> bytes:
    return _ESCAPES[special[0]]


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Gather small pieces, and cut large ones, to what the driver sends at once."""
    chunk = bytearray()
    for piece in pieces:
        chunk += piece
        if len(chunk) >= _CHUNK:
            for start in range(0, len(chunk), _CHUNK):
                yield bytes(chunk[start : start + _CHUNK])
            chunk.clear()
    yield bytes(chunk)


def _plan(statement: Statement[Any]) -> _Plan:
    """Read `insert into table (columns) values ($1, $2)`; more than that has no copy."""
    text = statement.text
    found = [token for token in tokens(text) if token.kind not in BLANK]
    # one letter a token, so that the form of the whole is one pattern
    form = "".join(_letter(token.kind, text[token.start : token.end]) for token in found)
    shape = _INSERT.fullmatch(form)
    if shape is None:
        raise NotCopyable(statement.query, "it does more than that")
    table, parameters = found[slice(*shape.span("into"))], found[slice(*shape.span("values"))]
    return _Plan(
        text[table[0].start : table[-1].end],
        tuple(
            int(text[token.start + 1 : token.end]) - 1
            for token in parameters
            if token.kind is TokenKind.PARAMETER
        ),
    )


def _letter(kind: TokenKind, word: str) -> str:
    if kind is TokenKind.WORD:
        return _KEYWORDS.get(word.lower(), "n")
    if kind is TokenKind.PUNCTUATION:
        return word
    return {TokenKind.QUOTED_NAME: "n", TokenKind.PARAMETER: "$"}.get(kind, "?")


_KEYWORDS = {"insert": "I", "into": "O", "values": "V"}
_INSERT = re.compile(
    r"IO(?P<into> n(\.n)* \( n(,n)* \) ) V\( (?P<values> \$(,\$)* ) \) ;?", re.VERBOSE
)
