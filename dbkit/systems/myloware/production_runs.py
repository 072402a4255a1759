"""Work on runs under a lease: what a worker that died has left is worked on by the next one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Literal, TypeAlias
from uuid import UUID

from dbkit.pools import AsyncDatabase, Database
from dbkit.processes import heartbeat, heartbeat_async
from dbkit.systems.myloware import runs
from dbkit.systems.myloware.runs import ClaimRow

_LEASE = timedelta(minutes=1)
_STILL_RUNNING = "the run was still running when its worker was done with it"

# what became of a claim: the run is no longer this worker's, because it is over or waits at a gate,
# or because another worker has it; or it is tried again later
Outcome: TypeAlias = Literal["done", "postponed"]


@dataclass(frozen=True, slots=True)
class LeasedRun:
    """A run that this worker has, and whether it still has it.

    Give `lease_id` to `runs.finish`, `runs.wait`, `runs.fail` and `orchestration_checkpoints.save`:
    they do nothing once another worker has the run.
    """

    run: ClaimRow
    lost: Event = field(default_factory=Event, repr=False)

    @property
    def lease_id(self) -> UUID:
        """The id of this claim."""
        return self.run.lease_id

    @property
    def is_lost(self) -> bool:
        """Whether to stop: the run is no longer running, or another worker has it."""
        return self.lost.is_set()


ProcessRun: TypeAlias = Callable[[LeasedRun], object]
ProcessRunAsync: TypeAlias = Callable[[LeasedRun], Awaitable[object]]


def work_once(
    database: Database,
    process: ProcessRun,
    *,
    worker: str,
    lease: timedelta = _LEASE,
    max_attempts: int = 5,
) -> Outcome | None:
    """Claim one run and have it processed while a heartbeat renews the lease; None if none is due.

    `process` ends with `runs.finish`, `runs.fail` or `runs.wait`. If it raises, or leaves the run
    running, the run is tried again later, and given up after `max_attempts` claims. If the worker
    is stopped by KeyboardInterrupt or SystemExit, the run is given back at once.

        while work_once(database, make_video, worker=socket.gethostname()):
            pass
    """
    with database.transaction() as connection:
        claimed = runs.claim(connection, worker=worker, lease=lease, max_attempts=max_attempts)
    if not claimed:
        return None
    leased = LeasedRun(claimed[0])

    def renew() -> int:
        with database.transaction() as connection:
            renewed = runs.renew(
                connection, run_id=leased.run.run_id, lease_id=leased.lease_id, lease=lease
            )
        return int(renewed is not None)

    error = _STILL_RUNNING
    try:
        with heartbeat(renew, lease=lease, work=f"run {leased.run.run_id}", lost=leased.lost):
            process(leased)
    except Exception as raised:  # noqa: BLE001 - an error of one run must not stop the worker
        # the message may hold a NUL character, which PostgreSQL refuses; its repr does not
        error = repr(raised)
    except BaseException:
        with database.transaction() as connection:
            runs.release(connection, run_id=leased.run.run_id, lease_id=leased.lease_id)
        raise
    with database.transaction() as connection:
        again = runs.postpone(
            connection, run_id=leased.run.run_id, lease_id=leased.lease_id, error=error
        )
    return "done" if again is None else "postponed"


async def work_once_async(
    database: AsyncDatabase,
    process: ProcessRunAsync,
    *,
    worker: str,
    lease: timedelta = _LEASE,
    max_attempts: int = 5,
) -> Outcome | None:
    """Do as `work_once` on an event loop; a task that is cancelled gives its run back at once."""
    async with database.transaction() as connection:
        claimed = await runs.claim(
            connection, worker=worker, lease=lease, max_attempts=max_attempts
        )
    if not claimed:
        return None
    leased = LeasedRun(claimed[0])

    async def renew() -> int:
        async with database.transaction() as connection:
            renewed = await runs.renew(
                connection, run_id=leased.run.run_id, lease_id=leased.lease_id, lease=lease
            )
        return int(renewed is not None)

    error = _STILL_RUNNING
    try:
        async with heartbeat_async(
            renew, lease=lease, work=f"run {leased.run.run_id}", lost=leased.lost
        ):
            await process(leased)
    except Exception as raised:  # noqa: BLE001 - an error of one run must not stop the worker
        error = repr(raised)
    except BaseException:
        async with database.transaction() as connection:
            await runs.release(connection, run_id=leased.run.run_id, lease_id=leased.lease_id)
        raise
    async with database.transaction() as connection:
        again = await runs.postpone(
            connection, run_id=leased.run.run_id, lease_id=leased.lease_id, error=error
        )
    return "done" if again is None else "postponed"
