"""Work on the runs of all tenants, each under a lease that is renewed while the work goes on."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any, Literal, TypeAlias, TypedDict
from uuid import UUID

from psycopg import Connection

from dbkit.errors import DbkitError
from dbkit.pools import AsyncDatabase, Database
from dbkit.processes import heartbeat, heartbeat_async, is_away, worker_name
from dbkit.runtime import JsonLike
from dbkit.systems.ai_orchestration import runs

_LOG = logging.getLogger(__name__)
_LEASE = timedelta(minutes=5)


@dataclass(eq=False)
class LostRun(DbkitError):
    """A run ended, was cancelled or is with another worker; what was about to be written is not."""

    run_id: UUID

    def __str__(self) -> str:
        return (
            f"run {self.run_id} is not this worker's any more: it ended, was cancelled, or its "
            "lease ran out and another worker has it; stop to work on it"
        )


@dataclass(eq=False)
class StoppedRun(DbkitError):
    """A worker was told to stop in the middle of a run, and gives the run back."""

    run_id: UUID

    def __str__(self) -> str:
        return f"the work on run {self.run_id} was stopped; another worker goes on with it"


class AttemptKey(TypedDict):
    """What a query needs to touch a run only while this worker has it."""

    run_id: UUID
    tenant_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that this worker has claimed, and whether to go on with it.

    Hand `attempt=run.attempt` to the queries about it: then a worker that lost its lease, because
    it hung or the server was away, changes nothing any more.
    """

    row: runs.ClaimNextRow
    worker: str
    lease: timedelta
    stop: Event = field(default_factory=Event, repr=False)
    lost: Event = field(default_factory=Event, repr=False)

    @property
    def id(self) -> UUID:
        """The run's id."""
        return self.row.id

    @property
    def tenant_id(self) -> UUID:
        """Whose run it is."""
        return self.row.tenant_id

    @property
    def attempt(self) -> int:
        """Which attempt at the run this is; it is 1 at first."""
        return self.row.attempt

    @property
    def key(self) -> AttemptKey:
        """The keywords of each query about this attempt."""
        return {"run_id": self.id, "tenant_id": self.tenant_id, "attempt": self.attempt}

    @property
    def is_lost(self) -> bool:
        """Whether the run is over, cancelled or with another worker."""
        return self.lost.is_set()

    def go_on(self) -> None:
        """Raise where the work has to end, between two steps of it."""
        if self.is_lost:
            raise LostRun(self.id)
        if self.stop.is_set():
            raise StoppedRun(self.id)

    def told(self, renewed: int) -> None:
        """Raise if the lease was not renewed."""
        if not renewed:
            self.lost.set()
            raise LostRun(self.id)


RunOutcome = Literal["completed", "failed", "lost", "released"]
"""What became of one run; `lost` is one that was cancelled, or that another worker has."""

ExecuteRun: TypeAlias = Callable[[Database, ClaimedRun], JsonLike]
ExecuteRunAsync: TypeAlias = Callable[[AsyncDatabase, ClaimedRun], Awaitable[JsonLike]]


def work_once(  # noqa: PLR0913 - the keywords of the claim, and when to stop
    database: Database,
    execute: ExecuteRun,
    *,
    worker: str | None = None,
    lease: timedelta = _LEASE,
    max_attempts: int = 5,
    stop: Event | None = None,
) -> RunOutcome | None:
    """Claim one run and do its work; return what became of it, or None if nothing waits.

    While `execute` works, the lease is renewed on another connection. The run completes with what
    `execute` returns, and fails with the error that it raises. If the server is lost, or this
    process dies, the lease runs out and another worker begins the run again. When `stop` is set,
    `ClaimedRun.go_on` raises, and the run is given back.
    """
    name = worker or worker_name()
    with database.transaction() as connection:
        row = runs.claim_next(connection, worker=name, lease=lease, max_attempts=max_attempts)
    if row is None:
        return None
    run = ClaimedRun(row, name, lease, stop or Event())
    key = run.key

    def keep() -> int:
        with database.transaction() as connection:
            return renew(connection, run)

    try:
        with heartbeat(keep, lease=lease, work=f"run {run.id}", lost=run.lost):
            output = execute(database, run)
    except LostRun:
        return "lost"
    except StoppedRun:
        with database.transaction() as connection:
            return "released" if runs.release(connection, **key) else "lost"
    except Exception as error:
        if is_away(error):
            raise
        _LOG.warning("run %s failed: %s", run.id, error)
        with database.transaction() as connection:
            return "failed" if runs.fail(connection, **key, error=told(error)) else "lost"
    with database.transaction() as connection:
        return "completed" if runs.complete(connection, **key, output=output) else "lost"


def renew(connection: Connection[Any], run: ClaimedRun) -> int:
    """Renew the lease in the caller's transaction, which a lost worker must not commit."""
    return runs.renew_lease(connection, **run.key, lease=run.lease)


async def work_once_async(  # noqa: PLR0913 - as above
    database: AsyncDatabase,
    execute: ExecuteRunAsync,
    *,
    worker: str | None = None,
    lease: timedelta = _LEASE,
    max_attempts: int = 5,
    stop: Event | None = None,
) -> RunOutcome | None:
    """Do what `work_once` does, in an event loop."""
    name = worker or worker_name()
    async with database.transaction() as connection:
        row = await runs.claim_next(connection, worker=name, lease=lease, max_attempts=max_attempts)
    if row is None:
        return None
    run = ClaimedRun(row, name, lease, stop or Event())
    key = run.key

    async def keep() -> int:
        async with database.transaction() as connection:
            return await runs.renew_lease(connection, **key, lease=lease)

    try:
        async with heartbeat_async(keep, lease=lease, work=f"run {run.id}", lost=run.lost):
            output = await execute(database, run)
    except LostRun:
        return "lost"
    except StoppedRun:
        async with database.transaction() as connection:
            return "released" if await runs.release(connection, **key) else "lost"
    except Exception as error:
        if is_away(error):
            raise
        _LOG.warning("run %s failed: %s", run.id, error)
        async with database.transaction() as connection:
            return "failed" if await runs.fail(connection, **key, error=told(error)) else "lost"
    async with database.transaction() as connection:
        return "completed" if await runs.complete(connection, **key, output=output) else "lost"


def told(error: Exception) -> str:
    """Tell an error as text that PostgreSQL takes, which is any without a NUL character."""
    text = str(error) if isinstance(error, DbkitError) else f"{type(error).__name__}: {error}"
    return text.replace("\0", "\\0")
