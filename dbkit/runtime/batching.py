"""Run one statement for many sets of values, without waiting for each answer."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.runtime.ready import Ready, Sent
from dbkit.runtime.sessions import forget_stale, make_ready
from dbkit.runtime.statement import Composition, Statement
from dbkit.runtime.wire import AnyConnection, Steps, good, run

T = TypeVar("T")


def batch(
    connection: AnyConnection, statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> int:
    """Give the number of rows touched by all sets together; if one fails, none is done."""
    return run(connection, _touched(connection, statement, sets))


def batch_rows(
    connection: AnyConnection, statement: Statement[T], sets: Iterable[Sequence[object]]
) -> list[T]:
    """Give the rows of all sets, in their order; if one fails, none is done."""
    return run(connection, _rows(connection, statement, sets))


def _touched(
    connection: AnyConnection, statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> Steps[int]:
    _, results = yield from _answers(connection, *composed(statement, sets))
    return sum(result.command_tuples or 0 for result in results)


def _rows(
    connection: AnyConnection, statement: Statement[T], sets: Iterable[Sequence[object]]
) -> Steps[list[T]]:
    composition, sets = composed(statement, sets)
    ready, results = yield from _answers(connection, composition, sets)
    try:
        return [row for result in results for row in ready.rows(connection.pgconn, result)]
    except psycopg.Error as error:
        forget_stale(connection, error)
        composition.note(error)
        raise


def composed(
    statement: Statement[T], sets: Iterable[Sequence[object]]
) -> tuple[Composition[T], Iterable[Sequence[object]]]:
    """Return the text for many sets, which all have the optional parts of the first."""
    remaining = iter(sets)
    head = list(islice(remaining, 1))
    composition = statement.composition(head[0] if head else None)
    return composition, map(composition.bound, chain(head, remaining))


def _answers(
    connection: AnyConnection, composition: Composition[T], sets: Iterable[Sequence[object]]
) -> Steps[tuple[Ready[T], list[PGresult]]]:
    number = 0
    try:
        ready = yield from make_ready(connection, composition)
        # all sets are written before the first is sent, so that a bad value leaves nothing done
        sent = list(map(ready.bind, sets))
        results: list[PGresult] = []
        if sent:
            answers = yield from _pipelined(connection.pgconn, ready, sent)
            # the first answer is that of the prepare
            for result in answers[1:]:
                number += 1
                ready.check(good(result))
                results.append(result)
    except psycopg.Error as error:
        forget_stale(connection, error)
        composition.note(error, what=f", set {number}" if number else "")
        raise
    return ready, results


def _pipelined(pgconn: PGconn, ready: Ready[Any], sent: list[Sent]) -> Steps[list[PGresult]]:
    """Send everything and read on the way, so that neither side waits for the other."""
    results: list[PGresult] = []
    pgconn.enter_pipeline_mode()
    try:
        commands: deque[Callable[[], None]] = deque(
            [partial(pgconn.send_prepare, b"", ready.text, ready.types)]
        )
        commands.extend(
            partial(pgconn.send_query_prepared, b"", call.values, call.formats, ready.result_format)
            for call in sent
        )
        commands.append(pgconn.pipeline_sync)
        for fetched in (yield from generators.pipeline_communicate(pgconn, commands)):
            results += fetched
        yield from generators.send(pgconn)
        while not results or results[-1].status != ExecStatus.PIPELINE_SYNC:
            results += yield from generators.fetch_many(pgconn)
    finally:
        # a broken connection has answers left; its own error is raised already
        with suppress(psycopg.Error):
            pgconn.exit_pipeline_mode()
    return results[:-1]
