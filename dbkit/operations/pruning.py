"""Remove old rows: run the retention files of a system in batches."""

from collections.abc import Callable, Iterable
from inspect import Parameter as Argument
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import RawCursor, sql
from psycopg.rows import tuple_row

from dbkit.loading import CallValues, LoadedQuery, load
from dbkit.operations.errors import (
    NoRetention,
    NotARetention,
    RetentionRepeats,
    RetentionWantsValue,
)
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


def find_retention(folder: Path, root: Path) -> list[LoadedQuery]:
    """Return the retention files of a system; refuse a file that needs a value to run."""
    queries = load(folder, root=root).values() if (folder / _SUBJECT).is_dir() else ()
    retentions = [loaded for loaded in queries if loaded.query.subject == _SUBJECT]
    if not retentions:
        raise NoRetention((folder / _SUBJECT).relative_to(root).as_posix())
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
    with the number of rows of each batch. A file that updates more rows than its table has comes
    to the same rows again, and would for ever: `RetentionRepeats` is raised.
    """
    statement, call = _prepared(connection, retention, batch)
    turns = _Turns(connection, retention, _target(connection, statement, call))
    counts: list[int] = []
    while not counts or (counts[-1] and _is_batched(retention)):
        with connection.transaction():
            counts.append(execute(connection, statement, call.bound(statement)))
        report_batch(counts[-1])
        turns.add(counts[-1])
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
            turns = _Turns(connection, retention, _target(connection, statement, call))
            counts: list[int] = []
            while not counts or (counts[-1] and _is_batched(retention)):
                counts.append(execute(connection, statement, call.bound(statement)))
                turns.add(counts[-1])
            counted.append(_result(retention, counts))
    return counted


def estimate_prunable(connection: psycopg.Connection[Any], retention: LoadedQuery) -> int | None:
    """Return how many rows the planner expects a file to remove, or None if it cannot plan it."""
    statement, call = _prepared(connection, retention, _ALL_ROWS)
    plan = _plan(connection, statement, call)
    return None if plan is None else int(plan.get("Plans", [plan])[0]["Plan Rows"])


class _Turns:
    """Count the rows that a file updated, and refuse more of them than there are."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        retention: LoadedQuery,
        target: sql.Identifier | None,
    ) -> None:
        self._connection = connection
        self._retention = retention
        # what is removed cannot come again
        self._target = target if is_update(retention) and _is_batched(retention) else None
        self._updated = 0
        self._most = 0

    def add(self, rows: int) -> None:
        """Count the rows of one batch."""
        self._updated += rows
        if self._target is None or self._updated <= self._most:
            return
        # the table may have grown since it was counted
        with (
            self._connection.transaction(),
            self._connection.cursor(row_factory=tuple_row) as cursor,
        ):
            cursor.execute(sql.SQL("select count(*) from {}").format(self._target))
            [(count,)] = cursor.fetchall()
        self._most = max(self._most, count)
        if self._updated > self._most:
            raise RetentionRepeats(self._retention.query.path, self._updated, self._most)


def _plan(
    connection: psycopg.Connection[Any], statement: Statement[Any], call: CallValues
) -> dict[str, Any] | None:
    bound = call.bound(statement)
    values = [value if value is None else str(value) for value in bound]
    text = statement.composition(bound).text
    cursor = RawCursor(connection, row_factory=tuple_row)
    try:
        with connection.transaction(force_rollback=True):
            cursor.execute(f"explain (format json, verbose) {text}".encode(), values)
            [(plans,)] = cursor.fetchall()
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        return None
    plan: dict[str, Any] = plans[0]["Plan"]
    return plan


def _target(
    connection: psycopg.Connection[Any], statement: Statement[Any], call: CallValues
) -> sql.Identifier | None:
    """Return the table that a statement changes, or None if the planner does not tell."""
    plan = _plan(connection, statement, call)
    if plan is None or "Relation Name" not in plan:
        return None
    return sql.Identifier(plan["Schema"], plan["Relation Name"])


def _is_batched(loaded: LoadedQuery) -> bool:
    return any(parameter.name == _BATCH_PARAMETER for parameter in loaded.query.parameters)


def _prepared(
    connection: psycopg.Connection[Any], loaded: LoadedQuery, batch: int | None
) -> tuple[Statement[Any], CallValues]:
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
