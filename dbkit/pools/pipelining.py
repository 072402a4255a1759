"""Carry the calls of many tasks over few connections."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGconn

from dbkit.pools.errors import DatabaseClosed
from dbkit.pools.stock import Member
from dbkit.runtime import FoldedCall, SharedConnection, run_calls

# the maximum number of calls in one group: the first has to wait for no longer
_MOST_CALLS = 64
_IDLE = TransactionStatus.IDLE


class Pipelined:
    """The connections that a block of `pipelined()` has, and the calls that wait for them."""

    def __init__(
        self,
        take: Callable[[], Awaitable[Member[AsyncConnection[Any]]]],
        give_back: Callable[[Member[AsyncConnection[Any]]], None],
        connections: int,
    ) -> None:
        if connections < 1:
            message = f"connections is to be at least 1, not {connections}"
            raise ValueError(message)
        self._take = take
        self._give_back = give_back
        self._connections = connections
        self._members: list[Member[AsyncConnection[Any]]] = []
        self._calls: deque[FoldedCall] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closed = False
        self._carrying = 0

    async def open(self) -> SharedConnection:
        """Lend the connections, and begin to carry calls."""
        for number in range(self._connections):
            member = await self._take()
            self._members.append(member)
            self._last = member.pgconn
            self._carrying += 1
            self._tasks.append(
                asyncio.create_task(self._carry(member), name=f"dbkit-pipelined-{number + 1}")
            )
        return SharedConnection(self._wire, self._put)

    async def close(self) -> None:
        """Give the connections back; a call that still waits gets an error."""
        self._is_closed = True
        while self._idle:
            _wake(self._idle.popleft())
        # a call that was sent is answered first
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for member in self._members:
            self._give_back(member)
        self._members.clear()
        self._refuse()

    def _wire(self) -> PGconn:
        if self._members:
            self._last = self._members[0].pgconn
        return self._last

    def _put(self, call: FoldedCall) -> None:
        if self._is_closed:
            raise DatabaseClosed(is_closed=True)
        self._calls.append(call)
        self._wake_one()

    def _put_back(self, calls: Sequence[FoldedCall]) -> None:
        """Have what was not sent go first by the next connection."""
        self._calls.extendleft(call for call in reversed(calls) if not call.future.done())
        self._wake_one()

    def _wake_one(self) -> None:
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                _wake(idle)
                break

    def _refuse(self) -> None:
        while self._calls:
            self._calls.popleft().fail(DatabaseClosed(is_closed=True))

    async def _carry(self, member: Member[AsyncConnection[Any]]) -> None:
        """Carry calls; with the last connection that does, the block can make none any more."""
        try:
            await self._carry_on(member)
        finally:
            self._carrying -= 1
            if not self._carrying:
                self._is_closed = True
                self._refuse()

    async def _carry_on(self, member: Member[AsyncConnection[Any]]) -> None:
        """Make the calls that wait, all at once, and those that came meanwhile after that."""
        while not self._is_closed:
            if not self._calls:
                idle = asyncio.get_running_loop().create_future()
                self._idle.append(idle)
                await idle
                continue
            if member.poll.poll(0) or member.pgconn.transaction_status != _IDLE:
                # something that nobody asked for, most likely the end of the session
                if not await self._replace(member):
                    return
                member = self._members[-1]
            calls = self._next()
            try:
                await run_calls(member.connection, calls)
            except BaseException as error:
                self._put_back(calls)
                if not isinstance(error, Exception):
                    raise
                if not await self._replace(member):
                    return
                member = self._members[-1]

    def _next(self) -> list[FoldedCall]:
        """Take the calls that wait, but those of tasks that were cancelled."""
        calls: list[FoldedCall] = []
        while self._calls and len(calls) < _MOST_CALLS:
            call = self._calls.popleft()
            if not call.future.done():
                calls.append(call)
        return calls

    async def _replace(self, member: Member[AsyncConnection[Any]]) -> bool:
        """Lend another connection for one that was lost; calls wait for it meanwhile."""
        while not self._is_closed:
            try:
                fresh = await self._take()
            except psycopg.Error as error:
                while self._calls:
                    self._calls.popleft().fail(error)
            else:
                self._members.remove(member)
                self._give_back(member)
                self._members.append(fresh)
                return True
        return False


def _wake(idle: "asyncio.Future[None]") -> None:
    if not idle.done():
        idle.set_result(None)
