"""Follow the logs of an execution while they are written, as `tail -f` does."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, Connection, sql
from psycopg.rows import tuple_row

from dbkit import async_transaction, transaction
from dbkit.errors import DbkitError
from dbkit.pools import NoConnection
from dbkit.systems.mrwa import execution_logs
from dbkit.systems.mrwa.execution_logs import ExecutionLog

_LOG = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class LogBatch:
    """The lines that became visible at one time, and the position after them.

    Who keeps the position when it has dealt with the lines can go on there, after a lost connection
    or in another process, without a gap or a repetition.
    """

    logs: list[ExecutionLog]
    position: str
    is_over: bool


def tail(
    connection: Connection[Any],
    *,
    execution_id: UUID,
    position: str | None = None,
    patience: float = 30.0,
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
    for batch in tail_batches(
        connection, execution_id=execution_id, position=position, patience=patience
    ):
        yield from batch.logs


def tail_batches(
    connection: Connection[Any],
    *,
    execution_id: UUID,
    position: str | None = None,
    patience: float = 30.0,
) -> Generator[LogBatch]:
    """Yield what `tail` does in batches, each with the position after it; begin at a position."""
    if not connection.autocommit:
        raise NotAutocommit
    channel = sql.Identifier(f"execution_{execution_id}")
    # listen before the first read, so that a line written between the two is announced
    _run(connection, sql.SQL("listen {}").format(channel))
    try:
        while True:
            progress, logs = _read(connection, execution_id, position)
            if progress is None:
                if position is None:
                    raise NoSuchExecution(execution_id)
                return
            position = progress.position
            if logs or progress.is_over:
                yield LogBatch(logs, position, progress.is_over)
            if progress.is_over:
                return
            # read to the end: the connection is busy until the generator is exhausted
            list(connection.notifies(timeout=patience, stop_after=1))
    finally:
        # a connection that is lost listens to nothing
        with suppress(psycopg.OperationalError):
            _run(connection, sql.SQL("unlisten {}").format(channel))


def follow(
    connect: Callable[[], AbstractContextManager[Connection[Any]]],
    *,
    execution_id: UUID,
    position: str | None = None,
    patience: float = 30.0,
    pause: float = 1.0,
) -> Generator[LogBatch]:
    """Yield what `tail_batches` does, and go on over a new connection when one is lost.

    `connect` gives a connection, such as `database.connection` of a pool. It is tried again every
    `pause` seconds until the server is back, and the lines go on where they stopped.
    """
    while True:
        try:
            with connect() as connection:
                connection.autocommit = True
                for batch in tail_batches(
                    connection, execution_id=execution_id, position=position, patience=patience
                ):
                    position = batch.position
                    yield batch
                    # the connection may be lost by now, and nothing comes any more
                    if batch.is_over:
                        return
                return
        except (psycopg.OperationalError, NoConnection) as error:
            _LOG.warning("the connection is lost, and tried again in %g s: %s", pause, error)
            time.sleep(pause)


async def tail_batches_async(
    connection: AsyncConnection[Any],
    *,
    execution_id: UUID,
    position: str | None = None,
    patience: float = 30.0,
) -> AsyncGenerator[LogBatch]:
    """Do what `tail_batches` does, in an event loop."""
    if not connection.autocommit:
        raise NotAutocommit
    channel = sql.Identifier(f"execution_{execution_id}")
    await _run_async(connection, sql.SQL("listen {}").format(channel))
    try:
        while True:
            progress, logs = await _read_async(connection, execution_id, position)
            if progress is None:
                if position is None:
                    raise NoSuchExecution(execution_id)
                return
            position = progress.position
            if logs or progress.is_over:
                yield LogBatch(logs, position, progress.is_over)
            if progress.is_over:
                return
            async for _ in connection.notifies(timeout=patience, stop_after=1):
                pass
    finally:
        with suppress(psycopg.OperationalError):
            await _run_async(connection, sql.SQL("unlisten {}").format(channel))


async def follow_async(
    connect: Callable[[], AbstractAsyncContextManager[AsyncConnection[Any]]],
    *,
    execution_id: UUID,
    position: str | None = None,
    patience: float = 30.0,
    pause: float = 1.0,
) -> AsyncGenerator[LogBatch]:
    """Do what `follow` does, in an event loop."""
    while True:
        try:
            async with connect() as connection:
                await connection.set_autocommit(True)
                async for batch in tail_batches_async(
                    connection, execution_id=execution_id, position=position, patience=patience
                ):
                    position = batch.position
                    yield batch
                    # the connection may be lost by now, and nothing comes any more
                    if batch.is_over:
                        return
                return
        except (psycopg.OperationalError, NoConnection) as error:
            _LOG.warning("the connection is lost, and tried again in %g s: %s", pause, error)
            await asyncio.sleep(pause)


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


async def _read_async(
    connection: AsyncConnection[Any], execution_id: UUID, position: str | None
) -> tuple[execution_logs.FindPositionRow | None, list[ExecutionLog]]:
    async with async_transaction(connection, isolation="repeatable read", read_only=True):
        progress = await execution_logs.find_position(connection, execution_id=execution_id)
        if position is None:
            return progress, await execution_logs.list_since(connection, execution_id=execution_id)
        logs = await execution_logs.list_since(
            connection, execution_id=execution_id, position=position
        )
        return progress, logs


async def _run_async(connection: AsyncConnection[Any], statement: sql.Composed) -> None:
    await connection.cursor(row_factory=tuple_row).execute(statement, prepare=False)
