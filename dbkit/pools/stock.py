"""The connections of one pool: which are idle, who waits for one, and what is to be done next.

It waits for nothing itself: a pool of threads and a pool on an event loop use it alike.
"""

from collections import deque
from dataclasses import dataclass, fields
from random import random, uniform
from select import POLLIN, poll
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakSet

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.errors import DeadlockDetected, ReadOnlySqlTransaction, SerializationFailure
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg.pq.abc import PGconn

from dbkit.pools.errors import DatabaseClosed, NoConnection, TooManyWaiting
from dbkit.pools.sizes import Sizes, is_wanted, lifetime, wanted_server
from dbkit.runtime import CommitUnknown, Counts, counts_of

C = TypeVar("C", bound=Connection[Any] | AsyncConnection[Any])

# the seconds between two attempts to connect while connecting fails: more after each, and
# different for each pool; one attempt at a time is made
_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 0.4
# the seconds before a function is tried again by `retry`
_SHORTEST_RETRY = 0.01
_LONGEST_RETRY = 1.0
# what nobody gave back, because it was interrupted at a bad moment, is noticed after so long
_LOOK_AFTER = 1.0
_BEGUN = (
    "the connection was lost after the transaction had begun, so it was not tried again; "
    "nothing of it is in the database"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a database has at this moment, and what happened since it was opened."""

    # the maximum number of connections, those there are, those that wait to be lent, and those
    # that are lent
    max_size: int
    size: int
    idle: int
    lent: int
    # connections that are being made, and callers that wait for one
    connecting: int
    waiting: int
    # connections that were asked for; how many callers had to wait, how many seconds together,
    # and how many of them in vain
    requests: int
    waits: int
    wait_seconds: float
    refused: int
    # connections that were made, attempts that failed, connections that were lost, and those
    # that were closed because they were old, idle for long, or on the wrong server
    connected: int
    failed: int
    lost: int
    retired: int
    # calls of functions that were tried again by `retry`
    retries: int
    # statements prepared by name, closed to make room, and prepared again because the server had
    # lost them
    prepared: int
    evicted: int
    healed: int
    # calls of statements by their name and without one
    named: int
    unnamed: int

    @property
    def utilization(self) -> float:
        """The part of the maximum number of connections that is lent, from 0 to 1."""
        return self.lent / self.max_size


@dataclass(slots=True, eq=False, weakref_slot=True)
class Member(Generic[C]):
    """One connection of a pool."""

    connection: C
    pgconn: PGconn
    # tells whether something arrived that nobody asked for, such as the end of the session
    poll: poll
    expires: float
    # what a caller may change and the next one does not want
    settings: tuple[Any, ...]
    # since when it is idle
    since: float = 0
    # the doubt it was last tested for
    tested: int = 0


class Waiter(Protocol[C]):
    """A caller that waits for a connection."""

    def hand(self, member: Member[C]) -> bool:
        """Give it a connection; False if it waits no more."""
        ...

    def fail(self, error: Exception) -> None:
        """Tell it that there will be none."""
        ...


class Stock(Generic[C]):
    """The connections of one pool."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.is_open = False
        self.is_closed = False
        self.wanted: Any = "any"
        # the one that was given back last is lent first, so that the others can grow old
        self.idle: deque[Member[C]] = deque()
        self.waiting: deque[Waiter[C]] = deque()
        # what an interrupted caller never gave back is counted no more as soon as it is freed
        self._members: WeakSet[Member[C]] = WeakSet()
        self.connecting = 0
        # raised by one whenever a connection was found to be on the wrong server
        self.doubt = 0
        self.error: Exception | None = None
        self._failing_since = 0.0
        self._pause = 0.0
        self._next_attempt = 0.0
        self._has_given_up = False
        self.requests = 0
        self.waits = 0
        self.wait_seconds = 0.0
        self.refused = 0
        self.connected = 0
        self.failed = 0
        self.lost = 0
        self.retired = 0
        self.retries = 0
        # of connections that are gone
        self._counts = Counts()

    def take(self) -> Member[C] | None:
        """Return an idle connection, or None where a caller has to wait."""
        self.requests += 1
        if self.idle:
            return self.idle.pop()
        self._refuse_closed()
        if 0 < self.sizes.max_waiting <= len(self.waiting):
            self.refused += 1
            raise TooManyWaiting(len(self.waiting))
        return None

    def _refuse_closed(self) -> None:
        if self.is_closed or not self.is_open:
            raise DatabaseClosed(self.is_closed)

    def wait(self, waiter: Waiter[C]) -> None:
        """Put a caller at the end of the queue."""
        self._refuse_closed()
        self.waits += 1
        self.waiting.append(waiter)

    def hand_out(self, member: Member[C], now: float) -> None:
        """Give a connection to who waits longest, or keep it."""
        member.since = now
        while self.waiting:
            if self.waiting.popleft().hand(member):
                return
        self.idle.append(member)

    def refusal(self, seconds: float) -> NoConnection:
        """Give the error for a caller that waited in vain."""
        self.refused += 1
        if self.error is not None:
            reason = f"connecting fails: {' '.join(str(self.error).split())}"
        else:
            reason = f"all {len(self._members)} are in use, and max_size allows no more"
            if len(self._members) < self.sizes.max_size:
                reason = f"{self.connecting} are being made"
        error = NoConnection(seconds, reason)
        error.__cause__ = self.error
        return error

    def is_trusted(self, member: Member[C], now: float) -> bool:
        """Whether a connection can be lent as it is; else it has to be tested by a round trip."""
        if member.tested != self.doubt:
            return False
        sizes = self.sizes
        if sizes.checked and now - member.since > sizes.check_after:
            return False
        return not member.poll.poll(0)

    def is_fit(self, member: Member[C]) -> bool:
        """Whether a connection that was just used is sound, and on the server that was wanted."""
        pgconn = member.pgconn
        if pgconn.transaction_status != TransactionStatus.IDLE or pgconn.pipeline_status:
            return False
        if self.wanted == "any" or is_wanted(pgconn, self.wanted):
            return True
        # the others were made before, so they are looked at before they are lent
        self.doubt += 1
        return False

    def begin_connecting(self, now: float) -> bool:
        """Whether one more connection is to be made now; who asked has to make it."""
        sizes = self.sizes
        made = len(self._members) + self.connecting
        missing = max(sizes.min_size - made, len(self.waiting) - self.connecting)
        if not self.is_open or missing <= 0 or made >= sizes.max_size:
            return False
        if self.connecting >= (sizes.num_workers if self.error is None else 1):
            return False
        if self.error is not None and (
            now < self._next_attempt or (self._has_given_up and not self.waiting)
        ):
            return False
        self.connecting += 1
        return True

    def add(self, connection: C, pgconn: PGconn, now: float) -> Member[C]:
        """Take in a connection that was made."""
        if not self.connected:
            self.wanted = wanted_server(pgconn)
        arrivals = poll()
        arrivals.register(pgconn.socket, POLLIN)
        member = Member(
            connection, pgconn, arrivals, now + lifetime(self.sizes), settings_of(connection)
        )
        member.tested = self.doubt
        self._members.add(member)
        self.connected += 1
        self.error = None
        self._pause = 0
        self._has_given_up = False
        return member

    def fail(self, error: Exception, now: float) -> bool:
        """Take note that connecting failed; True if that was so for `reconnect_timeout`."""
        self.failed += 1
        if self.error is None:
            self._failing_since = now
        self.error = error
        self._pause = min(max(2 * self._pause, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        self._next_attempt = now + self._pause * uniform(0.5, 1)  # noqa: S311 - no secret depends on it
        if self._has_given_up or now - self._failing_since < self.sizes.reconnect_timeout:
            return False
        self._has_given_up = True
        return True

    def outdated(self, now: float) -> list[Member[C]]:
        """Take out the idle connections that are too old, or idle for too long."""
        sizes = self.sizes
        old: list[Member[C]] = []
        spare = len(self._members) - sizes.min_size
        for member in list(self.idle):
            is_idle = spare > 0 and now - member.since >= sizes.max_idle
            if is_idle or now >= member.expires:
                self.idle.remove(member)
                self.remove(member)
                self.retired += 1
                spare -= 1
                old.append(member)
        return old

    def doubtful(self, now: float) -> list[Member[C]]:
        """Take out the idle connections that would have to be tested, as one did not answer."""
        doubtful = [member for member in self.idle if not self.is_trusted(member, now)]
        for member in doubtful:
            self.idle.remove(member)
            self.remove(member)
            self.retired += 1
        return doubtful

    def pause(self, now: float) -> float | None:
        """Return after how many seconds there may be something to do; None if nothing is due."""
        # also of those that are lent: nobody tells when they are given back
        due = [member.expires - now for member in self._members if member.expires > now]
        if len(self._members) > self.sizes.min_size:
            since = self.idle[0].since if self.idle else now
            due.append(since + self.sizes.max_idle - now)
        if self.error is not None and not self.connecting:
            due.append(self._next_attempt - now if self.is_short() else _LOOK_AFTER)
        elif self.waiting:
            due.append(_LOOK_AFTER)
        return max(min(due), 0.001) if due else None

    def is_short(self) -> bool:
        """Whether a connection would be made if only it could."""
        made = len(self._members) + self.connecting
        wanted = self.waiting or made < self.sizes.min_size
        return bool(wanted) and made < self.sizes.max_size and not self._is_resting()

    def _is_resting(self) -> bool:
        return self._has_given_up and not self.waiting

    def remove(self, member: Member[C]) -> None:
        """Count a connection no more; it is about to be closed."""
        self._members.discard(member)
        self._counts += counts_of(member.connection)

    def close(self) -> list[Member[C]]:
        """Lend nothing any more; give the connections that are idle, to be closed."""
        self.is_closed = True
        self.is_open = False
        while self.waiting:
            self.waiting.popleft().fail(DatabaseClosed(is_closed=True))
        idle = list(self.idle)
        self.idle.clear()
        for member in idle:
            self.remove(member)
        return idle

    def may_try_again(self, error: psycopg.Error, pgconn: PGconn | None, *, begun: bool) -> bool:
        """Whether a transaction that failed left nothing behind, and may succeed in a new one.

        `pgconn` is what it ran on, if a connection was lent; `begun`, if it answered to `begin`.
        """
        if isinstance(error, SerializationFailure | DeadlockDetected):
            return True
        if pgconn is None or isinstance(error, CommitUnknown):
            return False
        if isinstance(error, ReadOnlySqlTransaction):
            # the server may not be written to any more; the next connection is to another
            return not is_wanted(pgconn, self.wanted)
        if begun and is_lost(pgconn):
            error.add_note(_BEGUN)
        return not begun and is_lost(pgconn)

    def statistics(self) -> Statistics:
        """Give all counters as they are."""
        counts = Counts()
        counts += self._counts
        members = list(self._members)
        for member in members:
            counts += counts_of(member.connection)
        return Statistics(
            max_size=self.sizes.max_size,
            size=len(members),
            idle=len(self.idle),
            lent=len(members) - len(self.idle),
            connecting=self.connecting,
            waiting=len(self.waiting),
            requests=self.requests,
            waits=self.waits,
            wait_seconds=self.wait_seconds,
            refused=self.refused,
            connected=self.connected,
            failed=self.failed,
            lost=self.lost,
            retired=self.retired,
            retries=self.retries,
            **{field.name: getattr(counts, field.name) for field in fields(counts)},
        )


def retry_pause(attempt: int) -> float:
    """Return the seconds to wait: more after each attempt, and different for each caller."""
    longest: float = min(_SHORTEST_RETRY * 2**attempt, _LONGEST_RETRY)
    return longest * random()  # noqa: S311 - no secret depends on it


def settings_of(connection: Connection[Any] | AsyncConnection[Any]) -> tuple[Any, ...]:
    """Return what a caller may change on a connection, and the next one does not want."""
    return (
        connection.autocommit,
        connection.isolation_level,
        connection.read_only,
        connection.deferrable,
        connection.row_factory,
        connection.prepare_threshold,
    )


def is_lost(pgconn: PGconn) -> bool:
    """Whether a connection is closed, by whichever end."""
    return pgconn.status == ConnStatus.BAD
