"""Send many commands to the server in one round trip, and keep the answer to each."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, PipelineStatus
from psycopg.pq.abc import PGconn, PGresult

# one message to the server, which it answers by one result
Command: TypeAlias = Callable[[PGconn], None]

_BAD = frozenset({ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE})


def command(text: str, *values: str, encoding: str = "utf-8") -> Command:
    """Run one statement, and refuse two; each value is the text of a parameter.

    A statement could end the function's body and go on with `commit`, which would end the
    transaction that is to be undone.
    """
    encoded = [value.encode(encoding) for value in values]
    return lambda pgconn: pgconn.send_query_params(text.encode(encoding), encoded or None)


def parsing(text: bytes) -> Command:
    """Have a statement parsed, as the unnamed one, which the next statement replaces."""
    return lambda pgconn: pgconn.send_prepare(b"", text)


def describing() -> Command:
    """Ask what the statement that was parsed last takes and gives."""
    return lambda pgconn: pgconn.send_describe_prepared(b"")


class Answers:
    """The answers to the commands of one round trip."""

    def __init__(self, results: Sequence[PGresult], encoding: str) -> None:
        self._results = results
        self._encoding = encoding

    def __getitem__(self, number: int) -> PGresult:
        return self._results[number]

    def without(self, count: int) -> "Answers":
        """Return the answers after the first ones."""
        return Answers(self._results[count:], self._encoding)

    @property
    def refused(self) -> int | None:
        """The number of the command that was refused; those after it were not looked at."""
        for number, result in enumerate(self._results):
            if result.status in _BAD:
                return number
        return None

    def error(self, number: int) -> psycopg.Error:
        """Return the error by which a command was refused."""
        return psycopg.errors.error_from_result(self._results[number], encoding=self._encoding)

    def rows(self, number: int) -> list[tuple[str, ...]]:
        """Return the rows of a command as text; what is null is empty."""
        result = self._results[number]
        return [
            tuple(
                (result.get_value(row, column) or b"").decode(self._encoding)
                for column in range(result.nfields)
            )
            for row in range(result.ntuples)
        ]

    def loaded(self, number: int, connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a command as values of Python."""
        transformer = Transformer(connection)
        transformer.set_pgresult(self._results[number])
        return transformer.load_rows(0, self._results[number].ntuples, tuple)


def exchange(connection: psycopg.Connection[Any], commands: Sequence[Command]) -> Answers:
    """Send commands in one round trip; after one that is refused, the others are not looked at."""
    if connection.pgconn.pipeline_status != PipelineStatus.OFF:
        message = "a statement cannot be described inside connection.pipeline(); do it outside"
        raise psycopg.ProgrammingError(message)
    with connection.lock:
        results = connection.wait(_sent(connection.pgconn, commands))
    return Answers(results, text_encoding(connection))


def text_encoding(connection: psycopg.Connection[Any]) -> str:
    """Name the encoding that texts are sent in, as Python calls it."""
    encoding = connection.info.encoding
    # psycopg's word for SQL_ASCII, which stores bytes as they come
    return "utf-8" if encoding == "ascii" else encoding


def _sent(pgconn: PGconn, commands: Sequence[Command]) -> PQGen[list[PGresult]]:
    results: list[PGresult] = []
    pgconn.enter_pipeline_mode()
    try:
        waiting: deque[Callable[[], None]] = deque(partial(send, pgconn) for send in commands)
        waiting.append(pgconn.pipeline_sync)
        for fetched in (yield from generators.pipeline_communicate(pgconn, waiting)):
            results += fetched
        yield from generators.send(pgconn)
        while not results or results[-1].status != ExecStatus.PIPELINE_SYNC:
            results += yield from generators.fetch_many(pgconn)
    finally:
        # a broken connection has answers left; its own error is raised already
        with suppress(psycopg.Error):
            pgconn.exit_pipeline_mode()
    return results[:-1]
