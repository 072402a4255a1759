"""The peers, which do the same work as their own pages say: they are installed for this alone."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from itertools import cycle
from typing import Any
from uuid import UUID

import aiosql
import asyncpg
import contestants
import orjson
import psqlpy
import sqlalchemy
import uvloop
from contestants import (
    ADD,
    ADD_EVENT,
    CHANGE,
    EVENT,
    FIND,
    LENT,
    LIST,
    Contestants,
    Run,
    event_tuples,
    twice,
)
from measuring import Contestant
from roundtrips import Wire
from sqlalchemy import orm
from sqlalchemy.dialects.postgresql import JSONB
from sqlspec import SQLSpec
from sqlspec.adapters.psycopg import PsycopgSyncConfig


class Peers(Contestants):
    """Everyone's connections to one database; each work has dbkit, its driver and the peers."""

    def __init__(self, url: str, floor: str | None) -> None:
        """Take the URL, and the libpq program where one could be built."""
        super().__init__(url, floor)
        self._asyncpg = {name: self._async(name, _asyncpg(url)) for name in self._loops}

    def close(self) -> None:
        """Close all connections."""
        for name, connection in self._asyncpg.items():
            self._async(name, connection.close())
        super().close()

    # the work, each with its contestants

    def one_row(self) -> list[Contestant]:
        """One row of eight columns by its key, on a blocking connection; asyncpg has none."""
        return [
            *super().one_row(),
            self._asyncpg_row("asyncio"),
            self._aiosql(),
            self._sqlspec(),
            self._core(),
            self._orm(),
            self._psqlpy(),
        ]

    def one_row_async(self, loop: str) -> list[Contestant]:
        """One row by its key, awaited."""
        return [*super().one_row_async(loop), self._asyncpg_row(loop)]

    def many_rows(self, number: int) -> list[Contestant]:
        """So many rows of eight columns, as a list of objects, or of what the peer has."""
        statement = self._prepared("asyncio", f"{LIST}$1")

        async def objects(number: int) -> list[Run]:
            return [Run(*record) for record in await statement.fetch(number)]

        def numbers() -> Iterator[int]:
            return cycle([number])

        return [
            *super().many_rows(number),
            self._asyncpg_calls("asyncpg", objects, numbers),
            self._asyncpg_calls("asyncpg, Records", statement.fetch, numbers),
        ]

    def insert_returning(self, *, awaited: bool) -> list[Contestant]:
        """One row written, its key and its time returned."""
        statement = self._prepared("asyncio", ADD.format("$1", "$2", "$3"))

        async def theirs(key: UUID) -> Any:
            return await statement.fetchrow(key, "done", "as it was said")

        return [
            *super().insert_returning(awaited=awaited),
            self._asyncpg_calls("asyncpg", theirs, self._each_key, self._without_notes),
        ]

    def update(self) -> list[Contestant]:
        """One row changed by its key."""
        statement = self._prepared("asyncio", CHANGE.format("$1", "$2"))

        async def theirs(key: UUID) -> Any:
            return await statement.fetchrow("as it was said", key)

        return [
            *super().update(),
            self._asyncpg_calls("asyncpg", theirs, self._each_key, self._without_old_rows),
        ]

    def copy(self, number: int) -> list[Contestant]:
        """So many rows of eight columns loaded by COPY."""
        peer = self._asyncpg["asyncio"]
        tuples = list(event_tuples(number))

        async def theirs(_: object) -> Any:
            await peer.copy_records_to_table("events", records=tuples, columns=EVENT)

        return [
            *super().copy(number),
            self._asyncpg_calls("asyncpg", theirs, self._once, self._without_events),
        ]

    def batch(self, number: int) -> list[Contestant]:
        """So many inserts of one row, none waiting for the answer of another."""
        peer = self._asyncpg["asyncio"]
        tuples = list(event_tuples(number))

        async def theirs(_: object) -> Any:
            await peer.executemany(asyncpg_insert(), tuples)

        return [
            *super().batch(number),
            self._asyncpg_calls("asyncpg", theirs, self._once, self._without_events),
        ]

    def tasks(self) -> list[Contestant]:
        """Lend a connection from a pool of ten to one of 64 tasks, for one row by its key."""

        async def opened() -> asyncpg.Pool:
            return await asyncpg.create_pool(
                self._url,
                min_size=LENT,
                max_size=LENT,
                init=_with_json,
                server_settings={"application_name": "peer_tasks"},
            )

        peer = self._async("asyncio", opened())
        # the pool is ended before the loop is
        self._open.callback(lambda: self._async("asyncio", peer.close()))

        async def theirs(key: UUID) -> Any:
            async with peer.acquire() as connection:
                return Run(*(await connection.fetchrow(f"{FIND}$1", key)))

        return [*super().tasks(), self._shares("asyncpg pool", theirs, "peer_tasks")]

    def batch_in_memory(self, number: int) -> dict[str, Callable[[], object]]:
        """Return what sends so many sets of values once, made while they are sent."""
        peer = self._asyncpg["asyncio"]

        def theirs() -> None:
            self._async("asyncio", peer.executemany(asyncpg_insert(), event_tuples(number)))

        return {**super().batch_in_memory(number), "asyncpg": theirs}

    # how a contestant is made

    def _new_loops(self) -> dict[str, asyncio.AbstractEventLoop]:
        return {**super()._new_loops(), "uvloop": uvloop.new_event_loop()}

    def _prepared(self, loop: str, text: str) -> Any:
        return self._async(loop, self._asyncpg[loop].prepare(text))

    def _asyncpg_calls(
        self,
        name: str,
        call: Callable[[Any], Coroutine[Any, Any, Any]],
        values: Callable[[], Iterator[Any]],
        prepare: Callable[[], None] = lambda: None,
    ) -> Contestant:
        pids = [self._asyncpg["asyncio"].get_server_pid()]
        return self._awaits(name, call, values, "asyncio", pids, prepare)

    # who only finds one row

    def _asyncpg_row(self, loop: str) -> Contestant:
        statement = self._prepared(loop, f"{FIND}$1")

        async def find(key: UUID) -> Run:
            return Run(*(await statement.fetchrow(key)))

        pids = [self._asyncpg[loop].get_server_pid()]
        return self._awaits("asyncpg", find, self._each_key, loop, pids)

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


def asyncpg_insert() -> str:
    """Return the insert of one event as asyncpg takes it."""
    return f"{ADD_EVENT}({', '.join(f'${number + 1}' for number in range(len(EVENT)))})"


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
    key = UUID(int=1)
    counts = contestants.trips_of_a_call(url, wire)
    with asyncio.Runner() as runner:
        peer = runner.run(asyncpg.connect(url))
        counts["asyncpg"] = twice(wire, lambda: runner.run(peer.fetchrow(f"{FIND}$1", key)))
        runner.run(peer.close())
    return counts


def trips_of_a_checkout(url: str, wire: Wire) -> dict[str, tuple[int, int]]:
    """Count the round trips of a connection lent for one call, the first and the second time."""
    key = UUID(int=1)
    counts = contestants.trips_of_a_checkout(url, wire)
    with asyncio.Runner() as runner:

        async def lend() -> None:
            async with peer.acquire() as connection:
                await connection.fetchrow(f"{FIND}$1", key)

        async def opened() -> asyncpg.Pool:
            return await asyncpg.create_pool(url, min_size=1, max_size=1)

        peer = runner.run(opened())
        runner.run(lend())
        counts["asyncpg pool"] = twice(wire, lambda: runner.run(lend()))
        runner.run(peer.close())
    return counts
