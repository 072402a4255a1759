"""Work on planned executions, each under a lease that is renewed while the work goes on."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Literal, TypeAlias
from uuid import UUID

from dbkit.pools import AsyncDatabase, Database
from dbkit.processes import heartbeat, heartbeat_async, is_away
from dbkit.runtime import OMITTED
from dbkit.systems.mrwa import executions
from dbkit.systems.mrwa.executions import ClaimRow

_LOG = logging.getLogger(__name__)
_LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ClaimedWork:
    """An execution that this worker has claimed, and whether another one has it meanwhile.

    Hand `attempt=work.attempt` to every query about it: then a worker that lost its lease, because
    it hung or the server was away, changes nothing any more.
    """

    execution: ClaimRow
    lost: Event = field(default_factory=Event, repr=False)

    @property
    def id(self) -> UUID:
        """The execution's id."""
        return self.execution.id

    @property
    def attempt(self) -> int:
        """Which attempt this is; it is 1 at first."""
        return self.execution.attempt

    @property
    def is_lost(self) -> bool:
        """Whether to stop: the execution is over, cancelled or with another worker."""
        return self.lost.is_set()


Outcome = Literal["completed", "failed", "lost"]
"""What became of one execution; `lost` is one that was cancelled, or that another worker has."""

Execute: TypeAlias = Callable[[Database, ClaimedWork], object]
ExecuteAsync: TypeAlias = Callable[[AsyncDatabase, ClaimedWork], Awaitable[object]]


def work_once(
    database: Database,
    execute: Execute,
    *,
    worker: str | None = None,
    lease: timedelta = _LEASE,
    max_attempts: int = 5,
) -> Outcome | None:
    """Claim one execution and do its work; return what became of it, or None if nothing waits.

    While `execute` works, the lease is renewed on another connection. The execution is completed
    when `execute` returns, and fails with the error that it raises. If the server is lost, or this
    process dies, the lease runs out and another worker begins the execution again.
    """
    with database.transaction() as connection:
        claimed = executions.claim(
            connection,
            worker=OMITTED if worker is None else worker,
            lease=lease,
            max_attempts=max_attempts,
        )
    if claimed is None:
        return None
    work = ClaimedWork(claimed)

    def renew() -> int:
        with database.transaction() as connection:
            return executions.renew_lease(
                connection, execution_id=work.id, attempt=work.attempt, lease=lease
            )

    try:
        with heartbeat(renew, lease=lease, work=f"execution {work.id}", lost=work.lost):
            execute(database, work)
    except Exception as error:
        if is_away(error):
            raise
        return _failed(database, work, error)
    with database.transaction() as connection:
        ended = executions.complete(connection, execution_id=work.id, attempt=work.attempt)
    return "completed" if ended else "lost"


async def work_once_async(
    database: AsyncDatabase,
    execute: ExecuteAsync,
    *,
    worker: str | None = None,
    lease: timedelta = _LEASE,
    max_attempts: int = 5,
) -> Outcome | None:
    """Do what `work_once` does, in an event loop."""
    async with database.transaction() as connection:
        claimed = await executions.claim(
            connection,
            worker=OMITTED if worker is None else worker,
            lease=lease,
            max_attempts=max_attempts,
        )
    if claimed is None:
        return None
    work = ClaimedWork(claimed)

    async def renew() -> int:
        async with database.transaction() as connection:
            return await executions.renew_lease(
                connection, execution_id=work.id, attempt=work.attempt, lease=lease
            )

    try:
        async with heartbeat_async(renew, lease=lease, work=f"execution {work.id}", lost=work.lost):
            await execute(database, work)
    except Exception as error:
        if is_away(error):
            raise
        return await _failed_async(database, work, error)
    async with database.transaction() as connection:
        ended = await executions.complete(connection, execution_id=work.id, attempt=work.attempt)
    return "completed" if ended else "lost"


def _failed(database: Database, work: ClaimedWork, error: Exception) -> Outcome:
    _LOG.warning("execution %s failed: %r", work.id, error)
    with database.transaction() as connection:
        ended = executions.fail(
            connection, execution_id=work.id, attempt=work.attempt, error_message=_told(error)
        )
    return "failed" if ended else "lost"


async def _failed_async(database: AsyncDatabase, work: ClaimedWork, error: Exception) -> Outcome:
    _LOG.warning("execution %s failed: %r", work.id, error)
    async with database.transaction() as connection:
        ended = await executions.fail(
            connection, execution_id=work.id, attempt=work.attempt, error_message=_told(error)
        )
    return "failed" if ended else "lost"


def _told(error: Exception) -> str:
    # the message may hold a NUL character, which PostgreSQL refuses; its repr does not
    return repr(error)
