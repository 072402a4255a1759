"""What the stories share: a crowd, the trouble it meets, and what must hold at the end."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from threading import Barrier, Lock
from typing import Any, NamedTuple, TypeAlias, TypeVar
from uuid import uuid4

import psycopg
from psycopg import AsyncConnection, Connection, sql
from psycopg.errors import InsufficientPrivilege, OperationalError
from psycopg_pool import PoolTimeout

from dbkit.transactions import transaction

T = TypeVar("T")
Say: TypeAlias = Callable[[str], object]
AnyConnection: TypeAlias = Connection[Any] | AsyncConnection[Any]
Facts: TypeAlias = Mapping[str, object]

_LIVES = 100


class Invariant(NamedTuple):
    """What holds at the end of a day, whatever happened."""

    sentence: str
    # gives what breaks it, so no row; what only the outside world knows comes as %(facts)s
    query: str
    # does to the data what the system is there to prevent: then the query has to give a row
    broken_by: str


def find_broken(
    connection: Connection[Any], invariants: Sequence[Invariant], facts: Facts
) -> dict[str, list[Any]]:
    """Give each sentence that does not hold, with the rows that say so."""
    found = {
        invariant.sentence: connection.execute(invariant.query.encode(), facts).fetchall()
        for invariant in invariants
    }
    return {sentence: rows for sentence, rows in found.items() if rows}


class Crashed(Exception):
    """A worker died in the middle of its work."""


@dataclass
class Crowd:
    """Workers who begin at the same instant, each with a chance of its own."""

    workers: int
    seed: int
    happened: Counter[str] = field(default_factory=Counter[str])
    _counting: Lock = field(default_factory=Lock)

    def do(self, name: str, work: Callable[[Random, int], T]) -> list[T]:
        """Have all of them work at once, and give what each got.

        Who dies of it is followed by another, who begins anew.
        """
        start = Barrier(self.workers)

        def worker(number: int) -> T:
            chance = self.chance(name, number)
            start.wait(timeout=60)
            return self._persist(lambda: work(chance, number))

        with ThreadPoolExecutor(self.workers) as threads:
            return list(threads.map(worker, range(self.workers)))

    def chance(self, name: str, number: int = 0) -> Random:
        """Give the dice for one worker at one piece of work; the same seed throws the same."""
        return Random(f"{self.seed} {name} {number}")  # noqa: S311 - a story, not a secret

    def count(self, event: str, times: int = 1) -> None:
        """Note that something happened."""
        with self._counting:
            self.happened[event] += times

    def summary(self, *events: str) -> str:
        """Tell how often each of some things happened since they were last told."""
        return ", ".join(f"{self.happened.pop(event, 0)} {event}" for event in events)

    def _persist(self, work: Callable[[], T]) -> T:
        for _ in range(_LIVES):
            try:
                return work()
            except PoolTimeout:
                raise
            except (Crashed, OperationalError):
                self.count("died")
        return work()


def strike(chance: Random, connection: Connection[Any], probability: float = 0.15) -> None:
    """Let a worker die here, now and then: by an exception, a cable or an administrator."""
    if chance.random() < probability:
        chance.choice(_DEATHS)(connection)


async def strike_async(
    chance: Random, connection: AsyncConnection[Any], probability: float = 0.15
) -> None:
    """Let an asynchronous worker die here, now and then."""
    if chance.random() < probability:
        await asyncio.to_thread(chance.choice(_DEATHS), connection)


def unplug(connection: AnyConnection) -> None:
    """Pull the cable: neither side hears of the other again."""
    with socket.socket(fileno=os.dup(connection.fileno())) as cable:
        cable.shutdown(socket.SHUT_RDWR)


def crash(_: AnyConnection) -> None:
    """Die of a mistake in one's own code."""
    raise Crashed


def terminate(connection: AnyConnection) -> None:
    """Be ended by an administrator, who waits until it is so."""
    info = connection.info
    # the process id that a pooler tells is its own; inside of a transaction the session is ours
    session = connection.pgconn.exec_(b"begin; select pg_backend_pid()")
    pid = session.get_value(0, 0) if session.ntuples else b"%d" % info.backend_pid
    with psycopg.connect(info.dsn, password=info.password, autocommit=True) as administrator:
        administrator.execute("select pg_terminate_backend(%s, 5000)", [int(pid or 0)])


_DEATHS: tuple[Callable[[AnyConnection], None], ...] = (crash, unplug, terminate)


@contextmanager
def unprivileged_role(url: str) -> Generator[str | None]:
    """Lend a role that owns nothing, as an application has; None where none can be made.

    `settings={"role": role}` of a transaction takes it on, and row-level security is in force.
    """
    name = f"story_{uuid4().hex}"
    role = sql.Identifier(name)
    with psycopg.connect(url, autocommit=True) as owner:
        try:
            _run(owner, _MAKE_ROLE, role)
        except InsufficientPrivilege:
            yield None
            return
        try:
            yield name
        finally:
            _run(owner, _DROP_ROLE, role)


_MAKE_ROLE = (
    sql.SQL("create role {role} nologin"),
    sql.SQL("grant {role} to current_user"),
    sql.SQL("grant usage on schema public to {role}"),
    sql.SQL("grant select, insert, update, delete on all tables in schema public to {role}"),
    sql.SQL("grant usage on all sequences in schema public to {role}"),
)
_DROP_ROLE = (sql.SQL("drop owned by {role}"), sql.SQL("drop role {role}"))


def _run(connection: Connection[Any], statements: Sequence[sql.SQL], role: sql.Identifier) -> None:
    with transaction(connection):
        for statement in statements:
            connection.execute(statement.format(role=role))
