"""The calls of the soak: each knows its answer, and each write has a number of its own."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isawaitable
from random import Random
from typing import Any, TypeAlias, Unpack
from uuid import UUID

from psycopg import AsyncConnection, Connection

from dbkit.runtime import batch, batch_rows, copy, execute, many, one, optional, stream
from dbkit.transactions import Options, async_transaction, transaction
from tests.runtime.statements import statement
from tests.soak.ledger import Ledger, Wrong

AnyConnection: TypeAlias = Connection[Any] | AsyncConnection[Any]

FACTS = 5_000
TABLES = f"""
create table facts (key int primary key, words text not null, doubled bigint not null);
insert into facts select n, 'row ' || n, 2 * n from generate_series(0, {FACTS - 1}) as n;
analyze facts;
create table writes (number int not null, words text);
create table drifting (number int not null, n int not null default 1);
create type mood as enum ('glad', 'so so', 'sad');
create table moods (number int not null, mood mood not null);
"""
STORED = """
select number, count(*)
from (
    select number from writes
    union all
    select number from drifting
    union all
    select number from moods
) as stored
group by number
"""
_FACT = {"key": "int4!", "words": "text!", "doubled": "int8!"}
_READ = statement(
    "select key, words, doubled from facts where key = $1", takes={"key": "int4"}, gives=_FACT
)
_RANGE = statement(
    "select key, words, doubled from facts where key >= $1 and key < $2 order by key",
    takes={"first": "int4", "end": "int4"},
    gives=_FACT,
)
_SLOW = statement(
    "select $1::int as key, pg_sleep(0.005) is null as slept",
    takes={"key": "int4"},
    gives={"key": "int4", "slept": "bool"},
)
_USER = statement("select current_setting('app.user', true) as u", gives={"u": "text"})
_WRITE = statement(
    "insert into writes (number, words) values ($1, $2)", takes={"number": "int4", "words": "text"}
)
_WRITE_BACK = statement(
    "insert into writes (number, words) values ($1, $2) returning number, words",
    takes={"number": "int4", "words": "text"},
    gives={"number": "int4!", "words": "text"},
)
_DRIFT = statement(
    "insert into drifting (number) values ($1) returning n",
    takes={"number": "int4"},
    gives={"n": "int4!"},
)
_MOOD = statement(
    "insert into moods (number, mood) values ($1, $2) returning mood",
    takes={"number": "int4", "mood": "mood"},
    gives={"mood": "mood!"},
)
_ECHO = statement(
    "select $1 as m, $2 as l",
    takes={"m": "mood", "l": "mood[]"},
    gives={"m": "mood", "l": "mood[]"},
)
_MOODS = ("glad", "so so", "sad")


@dataclass
class Caller:
    """Who makes a call, on which connection."""

    connection: AnyConnection
    ledger: Ledger
    random: Random

    async def read_one(self) -> None:
        key = self.random.randrange(FACTS)
        await self.expect(one(self.connection, _READ, [key]), _fact(key))

    async def read_none(self) -> None:
        await self.expect(optional(self.connection, _READ, [-1]), None)

    async def read_some(self) -> None:
        await self._read(self.random.randrange(60))

    async def read_thousands(self) -> None:
        await self._read(2_500)

    async def _read(self, count: int) -> None:
        first = self.random.randrange(FACTS - count)
        rows = many(self.connection, _RANGE, [first, first + count])
        await self.expect(rows, [_fact(key) for key in range(first, first + count)])

    async def sleep(self) -> None:
        key = self.random.randrange(FACTS)
        await self.expect(one(self.connection, _SLOW, [key]), (key, False))

    async def read_in_a_stream(self) -> None:
        first = self.random.randrange(FACTS - 50)
        async with _transaction(self.connection):
            rows: Any = stream(self.connection, _RANGE, [first, first + 50], portion=20)
            read = [row async for row in rows] if hasattr(rows, "__aiter__") else list(rows)
        self._compare(read, [_fact(key) for key in range(first, first + 50)])

    async def write_one(self) -> None:
        [number] = self.ledger.numbers(1)
        with self.ledger.writing([number]):
            await self.expect(execute(self.connection, _WRITE, [number, "one"]), 1)
            await self._commit()

    async def write_back(self) -> None:
        [number] = self.ledger.numbers(1)
        with self.ledger.writing([number]):
            written = one(self.connection, _WRITE_BACK, [number, f"n{number}"])
            await self.expect(written, (number, f"n{number}"))
            await self._commit()

    async def write_in_a_transaction(self) -> None:
        numbers = self.ledger.numbers(3)
        user = str(UUID(int=self.random.getrandbits(128)))
        with self.ledger.writing(numbers):
            async with _transaction(self.connection, settings={"app.user": user}):
                await self.expect(one(self.connection, _USER, []), user)
                for number in numbers:
                    written = one(self.connection, _WRITE_BACK, [number, user])
                    await self.expect(written, (number, user))
            await self._commit()

    async def write_and_roll_back(self) -> None:
        numbers = self.ledger.numbers(2)
        with self.ledger.writing(numbers, undone=True):
            try:
                async with _transaction(self.connection, settings={"app.user": "gone"}):
                    for number in numbers:
                        await self.expect(execute(self.connection, _WRITE, [number, "x"]), 1)
                    raise _Undo  # noqa: TRY301 - it has the transaction rolled back
            except _Undo:
                pass
            # a setting of a transaction is gone with it
            user = await _done(one(self.connection, _USER, []))
            self._compare(user or None, None)

    async def write_a_batch(self) -> None:
        numbers = self.ledger.numbers(self.random.randrange(1, 30))
        with self.ledger.writing(numbers):
            sets = [(number, "batch") for number in numbers]
            await self.expect(batch(self.connection, _WRITE, sets), len(numbers))
            await self._commit()

    async def write_a_batch_with_rows(self) -> None:
        numbers = self.ledger.numbers(self.random.randrange(1, 30))
        with self.ledger.writing(numbers):
            sets = [(number, f"b{number}") for number in numbers]
            await self.expect(batch_rows(self.connection, _WRITE_BACK, sets), sets)
            await self._commit()

    async def write_a_copy(self) -> None:
        numbers = self.ledger.numbers(self.random.randrange(1, 60))
        with self.ledger.writing(numbers):
            sets = [(number, "copy") for number in numbers]
            await self.expect(copy(self.connection, _WRITE, sets), len(numbers))
            await self._commit()

    async def write_what_drifts(self) -> None:
        [number] = self.ledger.numbers(1)
        with self.ledger.writing([number]):
            await self.expect(one(self.connection, _DRIFT, [number]), 1)
            await self._commit()

    async def write_a_mood(self) -> None:
        [number] = self.ledger.numbers(1)
        mood = self.random.choice(_MOODS)
        with self.ledger.writing([number]):
            await self.expect(one(self.connection, _MOOD, [number, mood]), mood)
            await self._commit()

    async def write_many_moods(self) -> None:
        numbers = self.ledger.numbers(4)
        moods = [self.random.choice(_MOODS) for _ in numbers]
        with self.ledger.writing(numbers):
            sets = list(zip(numbers, moods, strict=True))
            await self.expect(batch_rows(self.connection, _MOOD, sets), moods)
            await self._commit()

    async def read_a_mood(self) -> None:
        mood, moods = self.random.choice(_MOODS), self.random.choices(_MOODS, k=3)
        await self.expect(one(self.connection, _ECHO, [mood, moods]), (mood, moods))

    async def expect(self, answer: object, expected: object) -> None:
        """Wait for an answer, and hold it against the one that is right."""
        self._compare(await _done(answer), expected)

    def _compare(self, answer: object, expected: object) -> None:
        if answer != expected:
            raise Wrong(answer, expected)

    async def _commit(self) -> None:
        if not self.connection.autocommit:
            await _done(self.connection.commit())


Call: TypeAlias = Callable[[Caller], Coroutine[Any, Any, None]]
# with how often each is made
MIX: dict[Call, int] = {
    Caller.read_one: 40,
    Caller.read_none: 2,
    Caller.read_some: 8,
    Caller.read_thousands: 1,
    Caller.sleep: 2,
    Caller.read_in_a_stream: 2,
    Caller.write_one: 12,
    Caller.write_back: 12,
    Caller.write_in_a_transaction: 5,
    Caller.write_and_roll_back: 3,
    Caller.write_a_batch: 2,
    Caller.write_a_batch_with_rows: 2,
    Caller.write_a_copy: 2,
    Caller.write_what_drifts: 4,
    Caller.write_a_mood: 2,
    Caller.write_many_moods: 1,
    Caller.read_a_mood: 3,
}


class _Undo(Exception):
    """Ends a transaction that is not to be kept."""


def _fact(key: int) -> tuple[int, str, int]:
    return key, f"row {key}", 2 * key


async def _done(answer: Any) -> Any:  # noqa: ANN401 - whatever a call gives
    return await answer if isawaitable(answer) else answer


@asynccontextmanager
async def _transaction(
    connection: AnyConnection, **options: Unpack[Options]
) -> AsyncGenerator[None]:
    if isinstance(connection, AsyncConnection):
        async with async_transaction(connection, **options):
            yield
    else:
        with transaction(connection, **options):
            yield


def run_blocking(work: Awaitable[None]) -> None:
    """Run what never waits for an event loop, because its connection blocks."""
    try:
        work.__await__().send(None)
    except StopIteration:
        return
    message = "a blocking call waited for an event loop"
    raise RuntimeError(message)
