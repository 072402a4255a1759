"""The ways to do the same work: dbkit by its generated code, and its peers as their pages say."""

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

import aiosql
import asyncpg
import orjson
import psqlpy
import psycopg
import sqlalchemy
import uvloop
from measuredqueries import events, runs
from measuring import Contestant
from psycopg.rows import class_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool
from roundtrips import Wire
from sqlalchemy import orm
from sqlalchemy.dialects.postgresql import JSONB
from sqlspec import SQLSpec
from sqlspec.adapters.psycopg import PsycopgSyncConfig

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
    """Everyone's connections to one database."""

    def __init__(self, url: str, floor: str | None) -> None:
        """Take the URL, and the libpq program where one could be built."""
        self._url = url
        self._floor = floor
        self._open = ExitStack()
        self._loops = {"asyncio": asyncio.new_event_loop(), "uvloop": uvloop.new_event_loop()}
        for loop in self._loops.values():
            self._open.callback(loop.close)
        self._admin = self._open.enter_context(connect(url))
        found = self._admin.execute("select id from runs where seq <= 1000 order by seq")
        self._keys: list[UUID] = [key for (key,) in found.fetchall()]
        self._dbkit = self._open.enter_context(connect(url))
        self._psycopg = self._psycopg_connection()
        self._async_dbkit = {name: self._async(name, _dbkit(url)) for name in self._loops}
        self._asyncpg = {name: self._async(name, _asyncpg(url)) for name in self._loops}
        # not measured: the floor under one call and under many rows is one process
        self._libpq = self._libpq_program() if floor else None

    def close(self) -> None:
        """Close all connections."""
        for name in self._loops:
            self._async(name, self._async_dbkit[name].close())
            self._async(name, self._asyncpg[name].close())
        self._open.close()

    # the work, each with its contestants

    def one_row(self) -> list[Contestant]:
        """One row of eight columns by its key, on a blocking connection; asyncpg has none."""
        keys = self._each_key
        plain, classed = self._psycopg, class_row(Run)

        def by_class(key: UUID) -> Run | None:
            cursor = plain.cursor(row_factory=classed)
            return cursor.execute(f"{FIND}%s", (key,), prepare=True, binary=True).fetchone()

        def by_tuple(key: UUID) -> Any:
            return plain.execute(f"{FIND}%s", (key,), prepare=True, binary=True).fetchone()

        own = [
            self._calls("dbkit", partial(_find, self._dbkit), keys, [self._dbkit]),
            *self.one_row_async("asyncio", only="asyncpg"),
            self._calls("psycopg", by_tuple, keys, [plain]),
            self._calls("psycopg class_row", by_class, keys, [plain]),
            self._aiosql(),
            self._sqlspec(),
            self._core(),
            self._orm(),
            self._psqlpy(),
        ]
        return own + ([self._libpq_calls("find")] if self._libpq else [])

    def one_row_async(self, loop: str, only: str = "") -> list[Contestant]:
        """One row by its key, awaited."""
        connection, peer = self._async_dbkit[loop], self._asyncpg[loop]
        statement = self._async(loop, peer.prepare(f"{FIND}$1"))

        async def ours(key: UUID) -> Any:
            return await runs.find(connection, id=key)

        async def theirs(key: UUID) -> Run:
            return Run(*(await statement.fetchrow(key)))

        found = [
            self._awaits("dbkit", ours, self._each_key, loop, [connection.info.backend_pid]),
            self._awaits("asyncpg", theirs, self._each_key, loop, [peer.get_server_pid()]),
        ]
        if not only:
            cursor = connection.cursor(row_factory=class_row(Run))

            async def by_class(key: UUID) -> Any:
                await cursor.execute(f"{FIND}%s", (key,), prepare=True, binary=True)
                return await cursor.fetchone()

            pids = [connection.info.backend_pid]
            found.append(self._awaits("psycopg class_row", by_class, self._each_key, loop, pids))
        return [contestant for contestant in found if only in {"", contestant.name}]

    def many_rows(self, number: int) -> list[Contestant]:
        """So many rows of eight columns, as a list of objects, or of what the peer has."""
        peer = self._asyncpg["asyncio"]
        statement = self._async("asyncio", peer.prepare(f"{LIST}$1"))
        pids = [peer.get_server_pid()]
        cursor = self._psycopg.cursor(row_factory=class_row(Run))

        async def objects(number: int) -> list[Run]:
            return [Run(*record) for record in await statement.fetch(number)]

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
            self._awaits("asyncpg", objects, numbers, "asyncio", pids),
            self._awaits("asyncpg, Records", statement.fetch, numbers, "asyncio", pids),
            self._calls("psycopg", tuples, numbers, [self._psycopg]),
            self._calls("psycopg class_row", by_class, numbers, [self._psycopg]),
        ]
        return found + ([self._libpq_calls("list", number)] if self._libpq else [])

    def insert_returning(self, *, awaited: bool) -> list[Contestant]:
        """One row written, its key and its time returned."""
        peer, connection = self._asyncpg["asyncio"], self._async_dbkit["asyncio"]
        statement = self._async("asyncio", peer.prepare(ADD.format("$1", "$2", "$3")))
        text = ADD.format("%s", "%s", "%s")

        def ours(key: UUID) -> Any:
            return runs.add_note(self._dbkit, run_id=key, status="done", body="as it was said")

        async def ours_awaited(key: UUID) -> Any:
            return await runs.add_note(connection, run_id=key, status="done", body="as it was said")

        async def theirs(key: UUID) -> Any:
            return await statement.fetchrow(key, "done", "as it was said")

        def plain(key: UUID) -> Any:
            values = (key, "done", "as it was said")
            return self._psycopg.execute(text, values, prepare=True, binary=True).fetchone()

        def emptied() -> None:
            self._admin.execute("truncate notes")

        keys = self._each_key
        if awaited:
            pids = [connection.info.backend_pid]
            own = [self._awaits("dbkit", ours_awaited, keys, "asyncio", pids, emptied)]
        else:
            own = [
                self._calls("dbkit", ours, keys, [self._dbkit], emptied),
                self._calls("psycopg", plain, keys, [self._psycopg], emptied),
            ]
        pids = [peer.get_server_pid()]
        return [*own, self._awaits("asyncpg", theirs, keys, "asyncio", pids, emptied)]

    def update(self) -> list[Contestant]:
        """One row changed by its key."""
        peer = self._asyncpg["asyncio"]
        statement = self._async("asyncio", peer.prepare(CHANGE.format("$1", "$2")))
        text = CHANGE.format("%s", "%s")

        def ours(key: UUID) -> Any:
            return runs.change_note(self._dbkit, note="as it was said", id=key)

        async def theirs(key: UUID) -> Any:
            return await statement.fetchrow("as it was said", key)

        def plain(key: UUID) -> Any:
            values = ("as it was said", key)
            return self._psycopg.execute(text, values, prepare=True, binary=True)

        def cleaned() -> None:
            self._admin.execute("vacuum runs")

        keys, pids = self._each_key, [peer.get_server_pid()]
        return [
            self._calls("dbkit", ours, keys, [self._dbkit], cleaned),
            self._awaits("asyncpg", theirs, keys, "asyncio", pids, cleaned),
            self._calls("psycopg", plain, keys, [self._psycopg], cleaned),
        ]

    def copy(self, number: int) -> list[Contestant]:
        """So many rows of eight columns loaded by COPY."""
        peer = self._asyncpg["asyncio"]
        tuples = list(event_tuples(number))
        values = [events.LoadValues(*each) for each in tuples]

        def ours(_: object) -> Any:
            return events.load(self._dbkit, values)

        async def theirs(_: object) -> Any:
            await peer.copy_records_to_table("events", records=tuples, columns=EVENT)

        def binary(_: object) -> None:
            text = f"copy events ({', '.join(EVENT)}) from stdin (format binary)"
            with self._psycopg.cursor().copy(text) as copied:
                copied.set_types(EVENT_TYPES)
                for each in tuples:
                    copied.write_row(each)

        return self._loads(ours, theirs, {"psycopg, binary": binary})

    def batch(self, number: int) -> list[Contestant]:
        """So many inserts of one row, none waiting for the answer of another."""
        peer = self._asyncpg["asyncio"]
        tuples = list(event_tuples(number))
        values = [events.AddAllValues(*each) for each in tuples]

        def ours(_: object) -> Any:
            return events.add_all(self._dbkit, values)

        async def theirs(_: object) -> Any:
            await peer.executemany(asyncpg_insert(), tuples)

        def plain(_: object) -> None:
            places = ", ".join(["%b"] * len(EVENT))
            with self._psycopg.transaction():
                self._psycopg.cursor().executemany(f"{ADD_EVENT}({places})", tuples)

        return self._loads(ours, theirs, {"psycopg executemany": plain})

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

        async def opened() -> asyncpg.Pool:
            return await asyncpg.create_pool(
                self._url,
                min_size=LENT,
                max_size=LENT,
                init=_with_json,
                server_settings={"application_name": "peer_tasks"},
            )

        peer = loop.run_until_complete(opened())
        # the pools are ended before the loops are
        self._open.callback(lambda: loop.run_until_complete(peer.close()))
        self._open.callback(lambda: loop.run_until_complete(own.close()))

        async def ours(key: UUID) -> Any:
            async with own.connection() as connection:
                return await runs.find(connection, id=key)

        async def theirs(key: UUID) -> Any:
            async with peer.acquire() as connection:
                return Run(*(await connection.fetchrow(f"{FIND}$1", key)))

        async def spread(call: Call, count: int) -> None:
            async def share() -> None:
                for key in islice(self._each_key(), count // TASKS):
                    await call(key)

            await asyncio.gather(*(share() for _ in range(TASKS)))

        def run(call: Call, count: int) -> None:
            loop.run_until_complete(spread(call, count))

        return [
            Contestant(name=name, run=partial(run, call), backends=partial(self._backends_of, pool))
            for name, call, pool in (
                ("dbkit", ours, "dbkit_tasks"),
                ("asyncpg pool", theirs, "peer_tasks"),
            )
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
        peer = self._asyncpg["asyncio"]

        def ours() -> None:
            events.add_all(
                self._dbkit, (events.AddAllValues(*each) for each in event_tuples(number))
            )

        def theirs() -> None:
            self._async("asyncio", peer.executemany(asyncpg_insert(), event_tuples(number)))

        for contestant in self.batch(10):
            contestant.run(1)
        return {"dbkit": ours, "asyncpg": theirs}

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

    def _loads(self, ours: Call, theirs: Call, plain: dict[str, Call]) -> list[Contestant]:
        def once() -> Iterator[None]:
            return cycle([None])

        def emptied() -> None:
            self._admin.execute("truncate events")

        pids = [self._asyncpg["asyncio"].get_server_pid()]
        return [
            self._calls("dbkit", ours, once, [self._dbkit], emptied),
            self._awaits("asyncpg", theirs, once, "asyncio", pids, emptied),
            *(
                self._calls(name, call, once, [self._psycopg], emptied)
                for name, call in plain.items()
            ),
        ]

    def _backends_of(self, application: str) -> list[int]:
        found = self._admin.execute(
            "select pid from pg_stat_activity where application_name = %s", (application,)
        )
        return [pid for (pid,) in found.fetchall()]

    def _async(self, loop: str, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loops[loop].run_until_complete(work)

    def _psycopg_connection(self) -> psycopg.Connection[Any]:
        connection = self._open.enter_context(psycopg.connect(self._url, autocommit=True))
        set_json_loads(orjson.loads, connection)
        set_json_dumps(orjson.dumps, connection)
        return connection

    # peers that only find one row

    def _aiosql(self) -> Contestant:
        connection = self._psycopg_connection()
        text = f"-- name: find(id)^\n-- record_class: Run\n{FIND}:id;\n"
        queries = aiosql.from_str(text, "psycopg", record_classes={"Run": Run})
        return self._calls(
            "aiosql", lambda key: queries.find(connection, id=key), self._each_key, [connection]
        )

    def _sqlspec(self) -> Contestant:
        spec = SQLSpec()
        config = spec.add_config(
            PsycopgSyncConfig(
                connection_config={
                    "conninfo": self._url,
                    "min_size": 1,
                    "max_size": 1,
                    "autocommit": True,
                }
            )
        )
        self._open.callback(config.close_pool)
        session = self._open.enter_context(spec.provide_session(config))
        return self._calls(
            "sqlspec",
            lambda key: session.select_one_or_none(f"{FIND}%s", key, schema_type=Run),
            self._each_key,
            [session.connection],
        )

    def _engine(self) -> sqlalchemy.Engine:
        address = self._url.replace("postgresql://", "postgresql+psycopg://")
        engine = sqlalchemy.create_engine(
            address,
            isolation_level="AUTOCOMMIT",
            json_deserializer=orjson.loads,
            json_serializer=lambda value: orjson.dumps(value).decode(),
        )
        self._open.callback(engine.dispose)
        return engine

    def _core(self) -> Contestant:
        connection = self._open.enter_context(self._engine().connect())
        statement = sqlalchemy.select(_TABLE).where(_TABLE.c.id == sqlalchemy.bindparam("key"))
        return self._calls(
            "SQLAlchemy Core",
            lambda key: connection.execute(statement, {"key": key}).one_or_none(),
            self._each_key,
            [connection.connection.driver_connection],
        )

    def _orm(self) -> Contestant:
        session = self._open.enter_context(orm.Session(self._engine()))
        statement = sqlalchemy.select(MappedRun).where(MappedRun.id == sqlalchemy.bindparam("key"))

        def find(key: UUID) -> Any:
            found = session.scalars(statement, {"key": key}).one_or_none()
            session.expunge_all()
            return found

        driver = session.connection().connection.driver_connection
        return self._calls("SQLAlchemy ORM", find, self._each_key, [driver])

    def _psqlpy(self) -> Contestant:
        pool = psqlpy.ConnectionPool(dsn=self._url, max_db_pool_size=2)
        connection = self._async("asyncio", pool.connection())

        async def find(key: UUID) -> Any:
            return (await connection.fetch_row(f"{FIND}$1", [key])).as_class(Run)

        async def pid() -> int:
            return await connection.fetch_val("select pg_backend_pid()")

        self._open.callback(connection.close)
        pids = [self._async("asyncio", pid())]
        return self._awaits("psqlpy", find, self._each_key, "asyncio", pids)

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


_METADATA = sqlalchemy.MetaData()
_TABLE = sqlalchemy.Table(
    "runs",
    _METADATA,
    sqlalchemy.Column("id", sqlalchemy.Uuid, primary_key=True),
    sqlalchemy.Column("tenant_id", sqlalchemy.Uuid),
    sqlalchemy.Column("workflow_id", sqlalchemy.Uuid),
    sqlalchemy.Column("status", sqlalchemy.String(20)),
    sqlalchemy.Column("payload", JSONB),
    sqlalchemy.Column("note", sqlalchemy.Text),
    sqlalchemy.Column("created_at", sqlalchemy.DateTime(timezone=True)),
    sqlalchemy.Column("finished_at", sqlalchemy.DateTime(timezone=True)),
)


class MappedRun:
    """The row that SQLAlchemy's ORM gives."""


orm.registry(metadata=_METADATA).map_imperatively(MappedRun, _TABLE)


def named(url: str, application: str) -> str:
    """Return the URL of connections that can be told from others."""
    return f"{url}&application_name={application}"


def asyncpg_insert() -> str:
    """Return the insert of one event as asyncpg takes it."""
    return f"{ADD_EVENT}({', '.join(f'${number + 1}' for number in range(len(EVENT)))})"


def event_tuples(number: int) -> Iterator[tuple[Any, ...]]:
    """Give so many events, made as they are asked for."""
    tenant = UUID(int=7 << 64)
    at = datetime(2026, 11, 28, 12, tzinfo=UTC)
    for key in range(number):
        note = None if key % 3 else f"about {key}"
        yield (key, tenant, f"event {key}", note, key % 100, key / 7, key % 2 == 0, at)


def _find(connection: Any, key: UUID) -> Any:
    return runs.find(connection, id=key)


async def _dbkit(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=None)


async def _asyncpg(url: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(url)
    await _with_json(connection)
    return connection


async def _with_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\1" + orjson.dumps(value),
        decoder=lambda raw: orjson.loads(raw[1:]),
    )


def trips_of_a_call(url: str, wire: Wire) -> dict[str, tuple[int, int]]:
    """Count the round trips of a query's first and second call on a connection."""
    counts = {}
    key = UUID(int=1)
    with connect(url) as connection:
        counts["dbkit"] = _twice(wire, lambda: runs.find(connection, id=key))
    with psycopg.connect(url, autocommit=True) as connection:
        counts["psycopg"] = _twice(
            wire, lambda: connection.execute(f"{FIND}%s", (key,), prepare=True).fetchone()
        )
    with asyncio.Runner() as runner:
        peer = runner.run(asyncpg.connect(url))
        counts["asyncpg"] = _twice(wire, lambda: runner.run(peer.fetchrow(f"{FIND}$1", key)))
        runner.run(peer.close())
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
        counts["dbkit"] = _twice(wire, ours)
    with ConnectionPool(url, min_size=1, max_size=1, open=True) as pool:

        def theirs() -> None:
            with pool.connection() as connection:
                connection.execute(f"{FIND}%s", (key,)).fetchone()

        theirs()
        counts["psycopg_pool"] = _twice(wire, theirs)
    with asyncio.Runner() as runner:

        async def lend() -> None:
            async with peer.acquire() as connection:
                await connection.fetchrow(f"{FIND}$1", key)

        async def opened() -> asyncpg.Pool:
            return await asyncpg.create_pool(url, min_size=1, max_size=1)

        peer = runner.run(opened())
        runner.run(lend())
        counts["asyncpg pool"] = _twice(wire, lambda: runner.run(lend()))
        runner.run(peer.close())
    return counts


def _twice(wire: Wire, call: Callable[[], object]) -> tuple[int, int]:
    with wire.counted() as first:
        call()
    with wire.counted() as second:
        call()
    return first[0], second[0]
