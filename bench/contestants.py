"""The ways to do the same work that dbkit and its driver have; those of its peers are beside."""

import asyncio
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice
from typing import Any
from uuid import UUID

import orjson
import psycopg
from measuredqueries import events, runs
from measuring import Contestant
from psycopg.rows import class_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool
from roundtrips import Wire

from dbkit import open_async_database, open_database
from dbkit.database import connect

COLUMNS = "id, tenant_id, workflow_id, status, payload, note, created_at, finished_at"
FIND = f"select {COLUMNS} from runs where id = "
LIST = f"select {COLUMNS} from runs where seq <= "
CHANGE = "update runs set note = {} where id = {}"
ADD = "insert into notes (run_id, status, body) values ({}, {}, {}) returning id, created_at"
EVENT = ("id", "tenant_id", "name", "note", "kind", "amount", "is_open", "created_at")
EVENT_TYPES = ("int8", "uuid", "text", "text", "int4", "float8", "bool", "timestamptz")
ADD_EVENT = f"insert into events ({', '.join(EVENT)}) values "
THREADS = 8
TASKS = 64
LENT = 10  # connections for the tasks

Call = Callable[[Any], Any]


@dataclass(slots=True)
class Run:
    """The row that a peer gives, where it can give objects."""

    id: UUID
    tenant_id: UUID
    workflow_id: UUID
    status: str
    payload: Any
    note: str | None
    created_at: datetime
    finished_at: datetime | None


class Contestants:
    """The connections of dbkit, of its driver and of libpq to one database."""

    def __init__(self, url: str, floor: str | None) -> None:
        """Take the URL, and the libpq program where one could be built."""
        self._url = url
        self._floor = floor
        self._open = ExitStack()
        self._loops = self._new_loops()
        for loop in self._loops.values():
            self._open.callback(loop.close)
        self._admin = self._open.enter_context(connect(url))
        found = self._admin.execute("select id from runs where seq <= 1000 order by seq")
        self._keys: list[UUID] = [key for (key,) in found.fetchall()]
        self._dbkit = self._open.enter_context(connect(url))
        self._psycopg = self._psycopg_connection()
        self._async_dbkit = {name: self._async(name, _dbkit(url)) for name in self._loops}
        # not measured: the floor under one call and under many rows is one process
        self._libpq = self._libpq_program() if floor else None

    def close(self) -> None:
        """Close all connections."""
        for name in self._loops:
            self._async(name, self._async_dbkit[name].close())
        self._open.close()

    @property
    def loops(self) -> list[str]:
        """The names of the event loops that can be awaited on."""
        return [*self._loops]

    # the work, each with its contestants

    def one_row(self) -> list[Contestant]:
        """One row of eight columns by its key, on a blocking connection."""
        keys = self._each_key
        plain, classed = self._psycopg, class_row(Run)

        connection = self._dbkit

        def ours(key: UUID) -> Any:
            return runs.find(connection, id=key)

        def by_class(key: UUID) -> Run | None:
            cursor = plain.cursor(row_factory=classed)
            return cursor.execute(f"{FIND}%s", (key,), prepare=True, binary=True).fetchone()

        def by_tuple(key: UUID) -> Any:
            return plain.execute(f"{FIND}%s", (key,), prepare=True, binary=True).fetchone()

        own = [
            self._calls("dbkit", ours, keys, [connection]),
            self._calls("psycopg", by_tuple, keys, [plain]),
            self._calls("psycopg class_row", by_class, keys, [plain]),
        ]
        return own + ([self._libpq_calls("find")] if self._libpq else [])

    def one_row_async(self, loop: str) -> list[Contestant]:
        """One row by its key, awaited."""
        connection = self._async_dbkit[loop]
        cursor = connection.cursor(row_factory=class_row(Run))
        pids = [connection.info.backend_pid]

        async def ours(key: UUID) -> Any:
            return await runs.find(connection, id=key)

        async def by_class(key: UUID) -> Any:
            await cursor.execute(f"{FIND}%s", (key,), prepare=True, binary=True)
            return await cursor.fetchone()

        return [
            self._awaits("dbkit", ours, self._each_key, loop, pids),
            self._awaits("psycopg class_row", by_class, self._each_key, loop, pids),
        ]

    def many_rows(self, number: int) -> list[Contestant]:
        """So many rows of eight columns, as a list of objects, or of what the peer has."""
        cursor = self._psycopg.cursor(row_factory=class_row(Run))

        def by_class(number: int) -> list[Run]:
            return cursor.execute(f"{LIST}%s::int", (number,), prepare=True, binary=True).fetchall()

        def tuples(number: int) -> Any:
            return self._psycopg.execute(
                f"{LIST}%s::int", (number,), prepare=True, binary=True
            ).fetchall()

        def ours(number: int) -> Any:
            return runs.list_first(self._dbkit, number=number)

        def numbers() -> Iterator[int]:
            return cycle([number])

        found = [
            self._calls("dbkit", ours, numbers, [self._dbkit]),
            self._calls("psycopg", tuples, numbers, [self._psycopg]),
            self._calls("psycopg class_row", by_class, numbers, [self._psycopg]),
        ]
        return found + ([self._libpq_calls("list", number)] if self._libpq else [])

    def insert_returning(self, *, awaited: bool) -> list[Contestant]:
        """One row written, its key and its time returned."""
        connection = self._async_dbkit["asyncio"]
        text = ADD.format("%s", "%s", "%s")

        def ours(key: UUID) -> Any:
            return runs.add_note(self._dbkit, run_id=key, status="done", body="as it was said")

        async def ours_awaited(key: UUID) -> Any:
            return await runs.add_note(connection, run_id=key, status="done", body="as it was said")

        def plain(key: UUID) -> Any:
            values = (key, "done", "as it was said")
            return self._psycopg.execute(text, values, prepare=True, binary=True).fetchone()

        keys, emptied = self._each_key, self._without_notes
        if awaited:
            pids = [connection.info.backend_pid]
            return [self._awaits("dbkit", ours_awaited, keys, "asyncio", pids, emptied)]
        return [
            self._calls("dbkit", ours, keys, [self._dbkit], emptied),
            self._calls("psycopg", plain, keys, [self._psycopg], emptied),
        ]

    def update(self) -> list[Contestant]:
        """One row changed by its key."""
        text = CHANGE.format("%s", "%s")

        def ours(key: UUID) -> Any:
            return runs.change_note(self._dbkit, note="as it was said", id=key)

        def plain(key: UUID) -> Any:
            values = ("as it was said", key)
            return self._psycopg.execute(text, values, prepare=True, binary=True)

        keys, cleaned = self._each_key, self._without_old_rows
        return [
            self._calls("dbkit", ours, keys, [self._dbkit], cleaned),
            self._calls("psycopg", plain, keys, [self._psycopg], cleaned),
        ]

    def copy(self, number: int) -> list[Contestant]:
        """So many rows of eight columns loaded by COPY."""
        tuples = list(event_tuples(number))
        values = [events.LoadValues(*each) for each in tuples]

        def ours(_: object) -> Any:
            return events.load(self._dbkit, values)

        def binary(_: object) -> None:
            text = f"copy events ({', '.join(EVENT)}) from stdin (format binary)"
            with self._psycopg.cursor().copy(text) as copied:
                copied.set_types(EVENT_TYPES)
                for each in tuples:
                    copied.write_row(each)

        return self._loads(ours, "psycopg, binary", binary)

    def batch(self, number: int) -> list[Contestant]:
        """So many inserts of one row, none waiting for the answer of another."""
        tuples = list(event_tuples(number))
        values = [events.AddAllValues(*each) for each in tuples]

        def ours(_: object) -> Any:
            return events.add_all(self._dbkit, values)

        def plain(_: object) -> None:
            places = ", ".join(["%b"] * len(EVENT))
            with self._psycopg.transaction():
                self._psycopg.cursor().executemany(f"{ADD_EVENT}({places})", tuples)

        return self._loads(ours, "psycopg executemany", plain)

    def threads(self) -> list[Contestant]:
        """Lend a connection from a pool to one of eight threads, for one row by its key."""
        own = self._open.enter_context(
            open_database(named(self._url, "dbkit_pool"), min_size=THREADS, max_size=THREADS)
        )
        peer = self._open.enter_context(
            ConnectionPool(
                named(self._url, "peer_pool"), min_size=THREADS, max_size=THREADS, open=True
            )
        )
        classed = class_row(Run)

        def ours(key: UUID) -> Any:
            with own.connection() as connection:
                return runs.find(connection, id=key)

        def theirs(key: UUID) -> Any:
            with peer.connection() as connection:
                cursor = connection.cursor(row_factory=classed)
                return cursor.execute(f"{FIND}%s", (key,), binary=True).fetchone()

        workers = self._open.enter_context(ThreadPoolExecutor(THREADS))

        def spread(call: Call, count: int) -> None:
            def share(_: int) -> None:
                for key in islice(self._each_key(), count // THREADS):
                    call(key)

            list(workers.map(share, range(THREADS)))

        return [
            Contestant(
                name=name, run=partial(spread, call), backends=partial(self._backends_of, pool)
            )
            for name, call, pool in (
                ("dbkit", ours, "dbkit_pool"),
                ("psycopg_pool", theirs, "peer_pool"),
            )
        ]

    def tasks(self) -> list[Contestant]:
        """Lend a connection from a pool of ten to one of 64 tasks, for one row by its key."""
        loop = self._loops["asyncio"]
        own = open_async_database(named(self._url, "dbkit_tasks"), min_size=LENT, max_size=LENT)
        loop.run_until_complete(own.open())

        # the pool is ended before the loop is
        self._open.callback(lambda: loop.run_until_complete(own.close()))

        async def ours(key: UUID) -> Any:
            async with own.connection() as connection:
                return await runs.find(connection, id=key)

        folding = open_async_database(named(self._url, "dbkit_folding"), max_size=2)
        loop.run_until_complete(folding.open())
        self._open.callback(lambda: loop.run_until_complete(folding.close()))
        block = folding.pipelined(2)
        shared = loop.run_until_complete(block.__aenter__())
        self._open.callback(lambda: loop.run_until_complete(block.__aexit__(None, None, None)))

        async def folded(key: UUID) -> Any:
            return await runs.find(shared, id=key)

        return [
            self._shares("dbkit", ours, "dbkit_tasks"),
            self._shares("dbkit pipelined", folded, "dbkit_folding"),
        ]

    def rows_in_memory(self, number: int) -> dict[str, Callable[[], object]]:
        """Return what reads so many rows once, by its contestant; a few were read already."""
        for contestant in self.many_rows(20):
            contestant.run(1)
        return {
            contestant.name: partial(contestant.run, 1) for contestant in self.many_rows(number)
        }

    def batch_in_memory(self, number: int) -> dict[str, Callable[[], object]]:
        """Return what sends so many sets of values once, made while they are sent."""

        def ours() -> None:
            events.add_all(
                self._dbkit, (events.AddAllValues(*each) for each in event_tuples(number))
            )

        for contestant in self.batch(10):
            contestant.run(1)
        return {"dbkit": ours}

    # how a contestant is made

    def _each_key(self) -> Iterator[UUID]:
        return cycle(self._keys)

    def _calls(
        self,
        name: str,
        call: Call,
        values: Callable[[], Iterator[Any]],
        connections: list[psycopg.Connection[Any]],
        prepare: Callable[[], None] = lambda: None,
    ) -> Contestant:
        def run(count: int) -> None:
            for value in islice(values(), count):
                call(value)

        pids = [connection.info.backend_pid for connection in connections]
        return Contestant(name=name, run=run, backends=lambda: pids, prepare=prepare)

    def _awaits(  # noqa: PLR0913, PLR0917 - all that a contestant is made of
        self,
        name: str,
        call: Callable[[Any], Coroutine[Any, Any, Any]],
        values: Callable[[], Iterator[Any]],
        loop: str,
        pids: list[int],
        prepare: Callable[[], None] = lambda: None,
    ) -> Contestant:
        async def all_of(count: int) -> None:
            for value in islice(values(), count):
                await call(value)

        def run(count: int) -> None:
            self._async(loop, all_of(count))

        return Contestant(name=name, run=run, backends=lambda: pids, prepare=prepare)

    def _shares(self, name: str, call: Call, pool: str) -> Contestant:
        """Return the contestant whose calls are made by so many tasks at once."""

        async def share(count: int) -> None:
            for key in islice(self._each_key(), count):
                await call(key)

        async def spread(count: int) -> None:
            await asyncio.gather(*(share(count // TASKS) for _ in range(TASKS)))

        return Contestant(
            name=name,
            run=lambda count: self._async("asyncio", spread(count)),
            backends=partial(self._backends_of, pool),
        )

    def _loads(self, ours: Call, name: str, theirs: Call) -> list[Contestant]:
        once, emptied = self._once, self._without_events
        return [
            self._calls("dbkit", ours, once, [self._dbkit], emptied),
            self._calls(name, theirs, once, [self._psycopg], emptied),
        ]

    @staticmethod
    def _once() -> Iterator[None]:
        return cycle([None])

    def _without_notes(self) -> None:
        self._admin.execute("truncate notes")

    def _without_events(self) -> None:
        self._admin.execute("truncate events")

    def _without_old_rows(self) -> None:
        self._admin.execute("vacuum runs")

    def _backends_of(self, application: str) -> list[int]:
        found = self._admin.execute(
            "select pid from pg_stat_activity where application_name = %s", (application,)
        )
        return [pid for (pid,) in found.fetchall()]

    def _async(self, loop: str, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loops[loop].run_until_complete(work)

    def _new_loops(self) -> dict[str, asyncio.AbstractEventLoop]:
        return {"asyncio": asyncio.new_event_loop()}

    def _psycopg_connection(self) -> psycopg.Connection[Any]:
        connection = self._open.enter_context(psycopg.connect(self._url, autocommit=True))
        set_json_loads(orjson.loads, connection)
        set_json_dumps(orjson.dumps, connection)
        return connection

    # the floor

    def _libpq_program(self) -> "subprocess.Popen[str]":
        program = subprocess.Popen(
            [str(self._floor), self._url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._libpq_backend = int(program.stdout.readline())
        self._open.callback(program.wait)
        self._open.callback(program.stdin.close)
        return program

    def _libpq_calls(self, what: str, number: int = 0) -> Contestant:
        program = self._libpq

        def run(count: int) -> tuple[int, int]:
            program.stdin.write(f"{what} {count} {number}\n")
            cpu, wall, _ = program.stdout.readline().split()
            return int(cpu), int(wall)

        return Contestant(
            name="libpq in C", run=run, backends=lambda: [self._libpq_backend], times=4
        )


def named(url: str, application: str) -> str:
    """Return the URL of connections that can be told from others."""
    return f"{url}&application_name={application}"


def event_tuples(number: int) -> Iterator[tuple[Any, ...]]:
    """Give so many events, made as they are asked for."""
    tenant = UUID(int=7 << 64)
    at = datetime(2026, 11, 28, 12, tzinfo=UTC)
    for key in range(number):
        note = None if key % 3 else f"about {key}"
        yield (key, tenant, f"event {key}", note, key % 100, key / 7, key % 2 == 0, at)


async def _dbkit(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=None)


def trips_of_a_call(url: str, wire: Wire) -> dict[str, tuple[int, int]]:
    """Count the round trips of a query's first and second call on a connection."""
    counts = {}
    key = UUID(int=1)
    with connect(url) as connection:
        counts["dbkit"] = twice(wire, lambda: runs.find(connection, id=key))
    with psycopg.connect(url, autocommit=True) as connection:
        counts["psycopg"] = twice(
            wire, lambda: connection.execute(f"{FIND}%s", (key,), prepare=True).fetchone()
        )
    return counts


def trips_of_a_checkout(url: str, wire: Wire) -> dict[str, tuple[int, int]]:
    """Count the round trips of a connection lent for one call, the first and the second time."""
    key = UUID(int=1)
    counts = {}
    with open_database(url, max_size=1) as own:

        def ours() -> None:
            with own.connection() as connection:
                runs.find(connection, id=key)

        ours()
        counts["dbkit"] = twice(wire, ours)
    with ConnectionPool(url, min_size=1, max_size=1, open=True) as pool:

        def theirs() -> None:
            with pool.connection() as connection:
                connection.execute(f"{FIND}%s", (key,)).fetchone()

        theirs()
        counts["psycopg_pool"] = twice(wire, theirs)
    return counts


def twice(wire: Wire, call: Callable[[], object]) -> tuple[int, int]:
    """Count the round trips of a call that is made twice."""
    with wire.counted() as first:
        call()
    with wire.counted() as second:
        call()
    return first[0], second[0]
