"""Follow the logs of an execution while they are written, as `tail -f` does."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from dbkit import transaction
from dbkit.errors import DbkitError
from dbkit.systems.mrwa import execution_logs
from dbkit.systems.mrwa.execution_logs import ExecutionLog


@dataclass(eq=False)
class NoSuchExecution(DbkitError):
    """There is no execution with this id, or this user may not see it."""

    execution_id: UUID

    def __str__(self) -> str:
        return (
            f"no execution {self.execution_id} is visible here; give the id of one of this user's"
        )


@dataclass(eq=False)
class NotAutocommit(DbkitError):
    """A connection is not in autocommit mode, so it would receive no notification."""

    def __str__(self) -> str:
        return (
            "the connection is not in autocommit mode, so no notification would reach it; "
            "set connection.autocommit = True before you follow logs"
        )


def tail(
    connection: Connection[Any], *, execution_id: UUID, patience: float = 30.0
) -> Generator[ExecutionLog]:
    """Yield the logs of an execution: first the present ones, then each new one, until it ends.

    Each log line comes exactly once, although transactions may commit in another order than they
    wrote. Each read takes the lines that were not visible at the read before, not the lines with
    a later time, so a line that was committed late comes late. Lines that were committed before
    the end of the execution, or together with it, are yielded; lines added later are not.

    The connection must be in autocommit mode and do nothing else meanwhile. A notification wakes
    it; without one it reads again after `patience` seconds. Behind a pooler in transaction mode no
    notification comes, so the patience is how late a line may be.

        for log in tail(connection, execution_id=execution.id):
            print(log.message)
    """
    if not connection.autocommit:
        raise NotAutocommit
    channel = sql.Identifier(f"execution_{execution_id}")
    # listen before the first read, so that a line written between the two is announced
    _run(connection, sql.SQL("listen {}").format(channel))
    try:
        position: str | None = None
        while True:
            progress, logs = _read(connection, execution_id, position)
            if progress is None and position is None:
                raise NoSuchExecution(execution_id)
            yield from logs
            if progress is None or progress.is_over:
                return
            position = progress.position
            # read to the end: the connection is busy until the generator is exhausted
            list(connection.notifies(timeout=patience, stop_after=1))
    finally:
        if not connection.closed:
            _run(connection, sql.SQL("unlisten {}").format(channel))


def _read(
    connection: Connection[Any], execution_id: UUID, position: str | None
) -> tuple[execution_logs.FindPositionRow | None, list[ExecutionLog]]:
    """Read the new lines and the position after them, in one snapshot."""
    with transaction(connection, isolation="repeatable read", read_only=True):
        progress = execution_logs.find_position(connection, execution_id=execution_id)
        if position is None:
            return progress, execution_logs.list_since(connection, execution_id=execution_id)
        logs = execution_logs.list_since(connection, execution_id=execution_id, position=position)
        return progress, logs


def _run(connection: Connection[Any], statement: sql.Composed) -> None:
    connection.cursor(row_factory=tuple_row).execute(statement, prepare=False)
