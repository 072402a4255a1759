"""Load many sets of values at once, the way `copy ... from stdin` does."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from struct import pack
from typing import Any

import psycopg
from psycopg import generators

from dbkit.runtime.batching import composed
from dbkit.runtime.ready import Ready
from dbkit.runtime.sessions import forget_stale, make_ready
from dbkit.runtime.statement import Statement
from dbkit.runtime.wire import AnyConnection, Steps, answer, client_encoding, run

_CHUNK = 1 << 16
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_SPECIAL = re.compile(rb"[\\\n\r\t]")
_ESCAPES = {b"\\": rb"\\", b"\n": rb"\n", b"\r": rb"\r", b"\t": rb"\t"}


def copy(
    connection: AnyConnection, statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> int:
    """Give the number of rows loaded; if one is refused, none is loaded.

    The statement is a plain insert of its parameters: psql runs it for one row, and what is
    sent here is the `copy` into the same columns, in binary where all their types allow.
    """
    return run(connection, _copy(connection, statement, sets))


def _copy(
    connection: AnyConnection, statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> Steps[int]:
    if statement.copied is None:
        message = f"{statement.query} is not a :copy query"
        raise ValueError(message)
    into, order = statement.copied
    composition, sets = composed(statement, sets)
    pgconn = connection.pgconn
    try:
        ready = yield from make_ready(connection, composition)
        binary = all(encoder.binary is not None for encoder in ready.encoders)
        text = f"copy {into} from stdin{' (format binary)' if binary else ''}"
        pgconn.send_query_params(text.encode(client_encoding(connection)), None)
        yield from answer(pgconn)
        rows = ([(number, values[number]) for number in order] for values in sets)
        try:
            for chunk in _chunks(_binary(ready, rows) if binary else _text(ready, rows)):
                yield from generators.copy_to(pgconn, chunk)
        except (Exception, KeyboardInterrupt):
            # the server drops what was sent; its error would hide the one that is raised
            with suppress(psycopg.Error):
                yield from generators.copy_end(pgconn, b"given up")
            raise
        result = yield from generators.copy_end(pgconn, None)
    except psycopg.Error as error:
        forget_stale(connection, error)
        composition.note(error)
        raise
    return result.command_tuples or 0


def _binary(ready: Ready[Any], rows: Iterable[list[tuple[int, object]]]) -> Iterator[bytes]:
    yield _SIGNATURE
    for row in rows:
        yield pack("!h", len(row))
        for number, value in row:
            written = ready.write(number, value, binary=True)
            yield _NULL if written is None else pack("!i", len(written)) + written
    yield _END


def _text(ready: Ready[Any], rows: Iterable[list[tuple[int, object]]]) -> Iterator[bytes]:
    for row in rows:
        fields: list[bytes] = []
        for number, value in row:
            written = ready.write(number, value, binary=False)
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
