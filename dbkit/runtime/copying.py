"""Load many sets of values at once, the way `copy ... from stdin` does."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import generators
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import WAIT_W

from dbkit.runtime import observing
from dbkit.runtime.batching import composed
from dbkit.runtime.columns import Columns, Portions
from dbkit.runtime.observing import ObservedCall
from dbkit.runtime.sessions import forget_stale, make_ready
from dbkit.runtime.statement import Statement
from dbkit.runtime.wire import AnyConnection, Steps, answer, client_encoding, decisive, good, run

_CHUNK = 1 << 16
_MOST = 1 << 17
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_SPECIAL = re.compile(rb"[\\\n\r\t]")
_ESCAPES = {b"\\": rb"\\", b"\n": rb"\n", b"\r": rb"\r", b"\t": rb"\t"}


def copy(
    connection: AnyConnection, statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> int:
    """Give the number of rows loaded; if one is refused, none is loaded.

    The statement is a plain insert of its parameters: psql runs it for one row, and what is
    sent here is the `copy` into the same columns, in binary where all their types allow.
    """
    if observing.observers:
        observed = ObservedCall("copy", connection, statement)
        if statement.copied is not None:
            observed.text = f"copy {statement.copied[0]} from stdin"
        counted = observed.counting(sets)
        return observed.run(connection, _copy(connection, statement, counted))
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
        ready = yield from make_ready(connection, composition, renews=True)
        columns = Columns(composition, ready, order)
        text = f"copy {into} from stdin{' (format binary)' if columns.is_binary else ''}"
        pgconn.send_query_params(text.encode(client_encoding(connection)), None)
        yield from answer(pgconn)
        chunks = (_binary if columns.is_binary else _text)(columns, columns.portions(sets))
        try:
            for chunk in chunks:
                # the driver takes no more than this at once
                for start in range(0, len(chunk), _MOST):
                    yield from generators.copy_to(pgconn, chunk[start : start + _MOST])
        except GeneratorExit:
            # the connection is given up, and nobody waits for it any more
            pgconn.finish()
            raise
        except BaseException:
            # the server drops what was sent; its error would hide the one that is raised
            with suppress(psycopg.Error):
                yield from _end(pgconn, b"given up")
            raise
        result = yield from _end(pgconn, None)
    except psycopg.Error as error:
        forget_stale(connection, error)
        composition.note(error)
        raise
    return result.command_tuples or 0


def _end(pgconn: PGconn, error: bytes | None) -> Steps[PGresult]:
    """Say that all is sent, or that it is given up, and wait for the answer.

    The driver's own expects one result; a server that goes gives two.
    """
    while pgconn.put_copy_end(error) == 0:
        while not (yield WAIT_W):
            pass
    yield from generators.send(pgconn)
    return good(decisive((yield from generators.fetch_many(pgconn))))


def _binary(columns: Columns, portions: Portions) -> Iterator[bytearray]:
    chunk = bytearray(_SIGNATURE)
    for first, portion in portions:
        columns.copy(first, portion, chunk)
        if len(chunk) >= _CHUNK:
            yield chunk
            chunk.clear()
    chunk += _END
    yield chunk


def _text(columns: Columns, portions: Portions) -> Iterator[bytes]:
    for first, portion in portions:
        lines = [
            b"\t".join(map(_field, columns.written(number, values, binary=False)))
            for number, values in enumerate(portion, first)
        ]
        yield b"\n".join([*lines, b""])


def _field(written: bytes | None) -> bytes:
    return rb"\N" if written is None else _SPECIAL.sub(_escaped, written)


def _escaped(special: re.Match[bytes]) -> bytes:
    return _ESCAPES[special[0]]
