"""Remove old rows: run the retention files of a system in batches."""

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
from dbkit.sqltext import TokenKind, tokens

_SUBJECT = "retention"
# the parameter that limits one batch; a file without it is run once
_BATCH_PARAMETER = "max_rows"
# the first of them outside of parentheses is what the statement does
_COMMANDS = {"delete", "update", "insert", "merge", "select"}
_ALL_ROWS = 2**31 - 1


class PruneResult(NamedTuple):
    """How many rows one retention file removed or updated, or would."""

    query: str
    path: str
    rows: int
    batches: int
    # whether the rows stay, changed
    updates: bool = False


def find_retention(sql: Path, root: Path) -> list[LoadedQuery]:
    """Return the retention files of a system; refuse a file that needs a value to run."""
    queries = load(sql, root=root).values() if (sql / _SUBJECT).is_dir() else ()
    retentions = [loaded for loaded in queries if loaded.query.subject == _SUBJECT]
    if not retentions:
        raise NoRetention((sql / _SUBJECT).relative_to(root).as_posix())
    for loaded in retentions:
        if loaded.query.kind is not QueryKind.EXEC:
            raise NotARetention(loaded.query.path, loaded.query.kind)
        for argument in loaded.__signature__.parameters.values():
            if argument.kind is Argument.KEYWORD_ONLY and argument.default is Argument.empty:
                raise RetentionWantsValue(loaded.query.path, argument.name)
    return retentions


def prune(
    connection: psycopg.Connection[Any],
    retention: LoadedQuery,
    *,
    batch: int | None = None,
    report_batch: Callable[[int], object] = lambda _: None,
) -> PruneResult:
    """Run one retention file until it removes no more rows, each batch in its own transaction.

    If it is stopped, only the batch that was running is rolled back. `report_batch` is called
    with the number of rows of each batch.
    """
    statement, call = _prepared(connection, retention, batch)
    counts: list[int] = []
    while not counts or (counts[-1] and _is_batched(retention)):
        with connection.transaction():
            counts.append(execute(connection, statement, call.bound(statement)))
        report_batch(counts[-1])
    return _result(retention, counts)


def count_prunable(
    connection: psycopg.Connection[Any],
    retentions: Iterable[LoadedQuery],
    *,
    batch: int | None = None,
) -> list[PruneResult]:
    """Count the rows that each file would remove, in one transaction that is rolled back.

    Rows that `on delete cascade` removes are not counted. As in a real run, each file sees what
    the files before it removed.
    """
    counted: list[PruneResult] = []
    with connection.transaction(force_rollback=True):
        for retention in retentions:
            statement, call = _prepared(connection, retention, batch)
            counts: list[int] = []
            while not counts or (counts[-1] and _is_batched(retention)):
                counts.append(execute(connection, statement, call.bound(statement)))
            counted.append(_result(retention, counts))
    return counted


def estimate_prunable(connection: psycopg.Connection[Any], retention: LoadedQuery) -> int | None:
    """Return how many rows the planner expects a file to remove, or None if it cannot plan it."""
    statement, call = _prepared(connection, retention, _ALL_ROWS)
    bound = call.bound(statement)
    values = [value if value is None else str(value) for value in bound]
    text = statement.composition(bound).text
    cursor = RawCursor(connection, row_factory=tuple_row)
    try:
        with connection.transaction(force_rollback=True):
            cursor.execute(f"explain (format json) {text}".encode(), values)
            [(plans,)] = cursor.fetchall()
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        return None
    plan = plans[0]["Plan"]
    return int(plan.get("Plans", [plan])[0]["Plan Rows"])


def _is_batched(loaded: LoadedQuery) -> bool:
    return any(parameter.name == _BATCH_PARAMETER for parameter in loaded.query.parameters)


def _prepared(
    connection: psycopg.Connection[Any], loaded: LoadedQuery, batch: int | None
) -> tuple[Statement[Any], Call]:
    values = {_BATCH_PARAMETER: AsText(str(batch))} if batch and _is_batched(loaded) else {}
    call = loaded.call(values)
    with connection.transaction():
        return loaded.statement(connection, call), call


def _result(retention: LoadedQuery, counts: list[int]) -> PruneResult:
    batches = sum(1 for number in counts if number)
    rows = sum(counts)
    return PruneResult(retention.name, retention.query.path, rows, batches, is_update(retention))


def is_update(retention: LoadedQuery) -> bool:
    """Say whether a retention file changes rows and does not remove them, as its statement says."""
    text = retention.query.combinations[0].text
    depth = 0
    for token in tokens(text):
        word = text[token.start : token.end].lower()
        depth += word.count("(") - word.count(")") if token.kind is TokenKind.PUNCTUATION else 0
        if depth == 0 and token.kind is TokenKind.WORD and word in _COMMANDS:
            return word == "update"
    return False
