"""Follow the logs of an execution while they are written."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from dbkit.errors import DbkitError
from dbkit.systems.mrwa import execution_logs
from dbkit.systems.mrwa.execution_logs import Listed
from dbkit.transactions import transaction


@dataclass(eq=False)
class NoSuchExecution(DbkitError):
    """There is no execution of this id, or not for this user."""

    execution_id: UUID

    def __str__(self) -> str:
        return f"there is no execution {self.execution_id} whose logs could be followed"


@dataclass(eq=False)
class NotAutocommit(DbkitError):
    """A connection holds a transaction open, in which it hears of nothing new."""

    def __str__(self) -> str:
        return (
            "a connection inside a transaction gets no notification; "
            "follow logs on one in autocommit mode"
        )


def tail(
    connection: Connection[Any], *, execution_id: UUID, patience: float = 30.0
) -> Generator[Listed]:
    """Give the logs of an execution, those that are there and then each that comes, until its end.

    Each comes exactly once, though transactions commit in another order than they write: read is
    what could not be read at the position before, and not what is newer than the last line. So a
    line that was committed late comes late. What was committed before the execution was over, or
    together with that, is given; what is added later is not.

    The connection is in autocommit mode and does nothing else meanwhile. A notification wakes it;
    without any it looks by itself each time its patience (in seconds) ends.
    """
    if not connection.autocommit:
        raise NotAutocommit
    channel = sql.Identifier(f"execution_{execution_id}")
    # before the first look: what comes between the two is announced
    _run(connection, sql.SQL("listen {}").format(channel))
    try:
        position: str | None = None
        while True:
            found, logs = _read(connection, execution_id, position)
            if found is None and position is None:
                raise NoSuchExecution(execution_id)
            yield from logs
            if found is None or found.is_over:
                return
            position = found.position
            # taken to the end, for the connection is theirs until then
            list(connection.notifies(timeout=patience, stop_after=1))
    finally:
        if not connection.closed:
            _run(connection, sql.SQL("unlisten {}").format(channel))


def _read(
    connection: Connection[Any], execution_id: UUID, position: str | None
) -> tuple[execution_logs.Found | None, list[Listed]]:
    """Read what is new, and up to where that is, in one snapshot."""
    with transaction(connection, isolation="repeatable read", read_only=True):
        found = execution_logs.find_position(connection, execution_id=execution_id)
        if position is None:
            return found, execution_logs.list_since(connection, execution_id=execution_id)
        logs = execution_logs.list_since(connection, execution_id=execution_id, position=position)
        return found, logs


def _run(connection: Connection[Any], statement: sql.Composed) -> None:
    connection.cursor(row_factory=tuple_row).execute(statement)
