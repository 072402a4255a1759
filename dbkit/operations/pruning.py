"""Run a system's retention files in batches until nothing is left to remove."""

from collections.abc import Callable, Iterable
from inspect import Parameter as Argument
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import RawCursor
from psycopg.rows import tuple_row

from dbkit.loading import Call, LoadedQuery, load
from dbkit.operations.errors import NoRetention, NotARetention, RetentionWantsValue
from dbkit.queryfiles import QueryKind
from dbkit.runtime import AsText, Statement, execute

SUBJECT = "retention"
# the keyword that bounds one batch; a file without it is run once
BATCH = "max_rows"
_ALL = str(2**31 - 1)


class Pruned(NamedTuple):
    """What one retention file removed, or would."""

    query: str
    path: str
    rows: int
    batches: int


def find_retention(sql: Path, root: Path) -> list[LoadedQuery]:
    """Return the retention files of a system, or refuse one that cannot be run unattended."""
    queries = load(sql, root=root).values() if (sql / SUBJECT).is_dir() else ()
    found = [loaded for loaded in queries if _is_retention(loaded)]
    if not found:
        raise NoRetention((sql / SUBJECT).relative_to(root).as_posix())
    for loaded in found:
        if loaded.query.kind is not QueryKind.EXEC:
            raise NotARetention(loaded.query.path, loaded.query.kind)
        for argument in loaded.__signature__.parameters.values():
            if argument.kind is Argument.KEYWORD_ONLY and argument.default is Argument.empty:
                raise RetentionWantsValue(loaded.query.path, argument.name)
    return found


def prune(
    connection: psycopg.Connection[Any],
    retention: LoadedQuery,
    *,
    batch: int | None = None,
    told: Callable[[int], object] = lambda _: None,
) -> Pruned:
    """Remove what one file finds, each batch in a transaction of its own.

    Whoever stops this loses nothing but the batch that was running. `told` hears how many
    rows went with each batch.
    """
    statement, call = _bounded(connection, retention, batch)
    counts: list[int] = []
    while not counts or (counts[-1] and _is_batched(retention)):
        with connection.transaction():
            counts.append(execute(connection, statement, call.bound(statement)))
        told(counts[-1])
    return _pruned(retention, counts)


def count(
    connection: psycopg.Connection[Any],
    retentions: Iterable[LoadedQuery],
    *,
    batch: int | None = None,
) -> list[Pruned]:
    """Count what each file in turn would remove, in one transaction that is taken back.

    What goes with a row by a foreign key is not counted, but one file sees what those
    before it have done, as in a real run.
    """
    counted: list[Pruned] = []
    with connection.transaction(force_rollback=True):
        for retention in retentions:
            statement, call = _bounded(connection, retention, batch)
            counts: list[int] = []
            while not counts or (counts[-1] and _is_batched(retention)):
                counts.append(execute(connection, statement, call.bound(statement)))
            counted.append(_pruned(retention, counts))
    return counted


def estimate(connection: psycopg.Connection[Any], retention: LoadedQuery) -> int | None:
    """Ask the planner how many rows a file will find in all, without looking at one."""
    statement, call = _bounded(connection, retention, int(_ALL))
    values = [value if value is None else str(value) for value in call.bound(statement)]
    cursor = RawCursor(connection, row_factory=tuple_row)
    try:
        with connection.transaction(force_rollback=True):
            cursor.execute(f"explain (format json) {statement.text}".encode(), values)
            [(found,)] = cursor.fetchall()
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        return None
    plan = found[0]["Plan"]
    return int(plan.get("Plans", [plan])[0]["Plan Rows"])


def _is_retention(loaded: LoadedQuery) -> bool:
    return loaded.query.subject == SUBJECT


def _is_batched(loaded: LoadedQuery) -> bool:
    return any(parameter.name == BATCH for parameter in loaded.query.parameters)


def _bounded(
    connection: psycopg.Connection[Any], loaded: LoadedQuery, batch: int | None
) -> tuple[Statement[Any], Call]:
    given = {BATCH: AsText(str(batch))} if batch and _is_batched(loaded) else {}
    call = loaded.call(given)
    with connection.transaction():
        return loaded.statement(connection, call), call


def _pruned(retention: LoadedQuery, counts: list[int]) -> Pruned:
    batches = sum(1 for number in counts if number)
    return Pruned(retention.name, retention.query.path, sum(counts), batches)
