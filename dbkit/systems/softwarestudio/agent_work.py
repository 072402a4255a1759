"""Record the work of an agent under a lease that is renewed while the agent works."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event

from dbkit.pools import AsyncDatabase, Database
from dbkit.processes import heartbeat, heartbeat_async
from dbkit.systems.softwarestudio import agent_executions

_LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class HeldExecution:
    """An agent's execution that this worker has, and whether another one has it meanwhile.

    Hand `attempt=held.attempt` to `agent_executions.complete` and `fail`: then a worker that lost
    its lease, because it hung or the server was away, ends nothing any more.
    """

    id: int
    attempt: int
    lost: Event = field(default_factory=Event, repr=False)

    @property
    def is_lost(self) -> bool:
        """Whether to stop: the execution has ended, or another worker has it."""
        return self.lost.is_set()


@contextmanager
def holding(
    database: Database, execution_id: int, *, attempt: int = 1, lease: timedelta = _LEASE
) -> Generator[HeldExecution]:
    """Renew the lease on an execution three times within each lease, until the block ends.

    The attempt is 1 after `agent_executions.start`, and what `claim_stalled` tells after that. If
    this process dies, the lease runs out and another worker can claim the execution.

        with holding(database, execution_id) as held:
            answer = ask(agent)
    """
    held = HeldExecution(execution_id, attempt)

    def renew() -> int:
        with database.transaction() as connection:
            return agent_executions.renew_lease(
                connection, id=execution_id, attempt=attempt, lease=lease
            )

    with heartbeat(renew, lease=lease, work=f"execution {execution_id}", lost=held.lost):
        yield held


@asynccontextmanager
async def holding_async(
    database: AsyncDatabase, execution_id: int, *, attempt: int = 1, lease: timedelta = _LEASE
) -> AsyncGenerator[HeldExecution]:
    """Do what `holding` does, in an event loop."""
    held = HeldExecution(execution_id, attempt)

    async def renew() -> int:
        async with database.transaction() as connection:
            return await agent_executions.renew_lease(
                connection, id=execution_id, attempt=attempt, lease=lease
            )

    async with heartbeat_async(
        renew, lease=lease, work=f"execution {execution_id}", lost=held.lost
    ):
        yield held
