"""A day of mrwa: people log in and are robbed, workers run what they plan, others look on live."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TypedDict
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import CheckViolation, OperationalError

from dbkit import OVERFLOWING, STEADY, open_async_database, open_database
from dbkit.database import connect
from dbkit.pools import AsyncDatabase, Database
from dbkit.systems.mrwa import accounts, artifacts, execution_logs, executions
from dbkit.systems.mrwa.log_tail import tail
from dbkit.systems.mrwa.session_renewal import OpenedSession, open_session, renew_session
from tests.stories.telling import (
    Crashed,
    Crowd,
    Facts,
    Say,
    strike,
    strike_async,
    unprivileged_role,
)

LOOK = (
    'dbkit psql mrwa -- -c "select email, status, count(*) from executions '
    "inner join users on users.id = user_id "
    "where email like '%@{story}' group by 1, 2 order by 1, 2\""
)

_PEOPLE = ("ada", "bob", "cleo")
_PASSWORD = "correct horse"  # noqa: S105 - of people who do not exist
_STEPS = [{"name": "Extract", "description": None}, {"name": "Sum up", "description": None}]
_TURNS = 4
# how long the work of a worker that died is left alone
_LEASE = timedelta(seconds=1)
_KILLED = 2
# claims an execution, tells of it, and hangs until it is killed
_DOOMED = """
import sys, time
from datetime import timedelta
from psycopg import connect
from dbkit.systems.mrwa import execution_logs, executions

with connect(sys.argv[1]) as connection:
    claimed = executions.claim(connection, worker="doomed", lease=timedelta(seconds=1))
    line = f"attempt {claimed.attempt}: claimed"
    execution_logs.add(
        connection, [execution_logs.AddValues(claimed.id, "info", line, None, None)]
    )
print(claimed.id, claimed.attempt, flush=True)
time.sleep(600)
"""


def tell(url: str, *, workers: int, seed: int, say: Say) -> Facts:
    """Have so many workers spend a day, and give what the world outside knows of it."""
    with unprivileged_role(url) as role, open_database(url, STEADY) as database:
        day = Day(url, database, Crowd(workers, seed), f"day-{seed}", role, say)
        day.register()
        day.log_in()
        day.renew()
        day.plan()
        day.kill_workers()
        with ThreadPoolExecutor(len(day.followed)) as threads:
            following = [threads.submit(day.follow, execution) for execution in day.followed]
            try:
                asyncio.run(day.work())
            except BaseException:
                day.give_up()
                raise
            lines = sum(reader.result() for reader in following)
        say(f"{len(following)} who looked on live read {lines} lines")
        day.look_around()
    return day.facts()


class Outrun(Exception):
    """What a worker works on is over, so this one takes its last piece of work back."""


@dataclass
class Day:
    """The people, devices and executions of one day."""

    url: str
    database: Database
    crowd: Crowd
    name: str
    role: str | None
    say: Say
    people: dict[str, UUID] = field(default_factory=dict[str, UUID])
    # of each device the tokens it has had
    devices: dict[int, list[OpenedSession]] = field(default_factory=dict[int, list[OpenedSession]])
    planned: list[UUID] = field(default_factory=list[UUID])
    written: list[tuple[UUID, str]] = field(default_factory=list[tuple[UUID, str]])
    followed_lines: list[tuple[UUID, str]] = field(default_factory=list[tuple[UUID, str]])
    seen: list[tuple[UUID, UUID]] = field(default_factory=list[tuple[UUID, UUID]])

    @property
    def followed(self) -> list[UUID]:
        return self.planned[::4]

    @property
    def robbed(self) -> list[int]:
        """One device in four, and the first is one of them."""
        return [number for number in self.devices if number % 4 == 0]

    def address(self, person: str) -> str:
        return f"{person}@{self.name}"

    def person(self, number: int) -> UUID:
        return self.people[_PEOPLE[number % len(_PEOPLE)]]

    def register(self) -> None:
        """Two of the same address come at once, and one is registered and proves it."""

        def come(_: Random, number: int) -> accounts.RegisteredUser | None:
            # bcrypt takes its time, so that of the crowd only so many come
            if number >= 2 * len(_PEOPLE):
                return None
            person = _PEOPLE[number % len(_PEOPLE)]
            with self.database.transaction() as connection:
                registered = accounts.register(
                    connection, email=self.address(person), password=_PASSWORD
                )
            if registered:
                self.people[person] = registered.user_id
            return registered

        def prove(_: Random, number: int) -> UUID | None:
            with self.database.transaction() as connection:
                token = registered[number % len(registered)].verification_token
                return accounts.verify_email(connection, token=token)

        registered = [user for user in self.crowd.do("register", come) if user]
        proved = [user for user in self.crowd.do("prove", prove) if user]
        assert sorted(proved) == sorted(self.people.values()), "a token is not good exactly once"
        self.say(f"{len(registered)} people registered, though each of them came twice")

    def log_in(self) -> None:
        """Two workers share a device; the first of a person knows the password."""
        for number in range((self.crowd.workers + 1) // 2):
            with self.database.transaction() as connection:
                if number < len(_PEOPLE):
                    email = self.address(_PEOPLE[number])
                    opened = accounts.log_in(connection, email=email, password=_PASSWORD)
                else:
                    opened = open_session(connection, user_id=self.person(number))
            assert opened
            self.devices[number] = [opened]
        with self.database.transaction() as connection:
            assert not accounts.log_in(
                connection,
                email=self.address("ada"),
                password="wrong",  # noqa: S106 - none
            )

    def renew(self) -> None:
        """Renew every token twice at once; of some devices the first token comes again."""

        def come(chance: Random, number: int) -> None:
            device, opened = number // 2, tokens[number // 2]
            is_thief = number % 2 and device in self.robbed and turn == _TURNS - 1
            token = self.devices[device][0] if is_thief else opened
            with self.database.transaction() as connection:
                renewed = renew_session(
                    connection,
                    refresh_token=token.refresh_token,
                    leeway=timedelta(0 if is_thief else 60),
                )
                strike(chance, connection)
            if isinstance(renewed, OpenedSession):
                self.devices[device].append(renewed)
                self.crowd.count("renewed")
            else:
                self.crowd.count(renewed.reason)

        for turn in range(_TURNS):
            tokens = {device: opened[-1] for device, opened in self.devices.items()}
            self.crowd.do(f"renew {turn}", come)
        self.say(f"refresh tokens: {self.crowd.summary('renewed', 'late', 'reused', 'died')}")

    def settings(self, user_id: UUID) -> dict[str, object]:
        """Give what row-level security wants to know: who it is, and a role that owns nothing."""
        settings: dict[str, object] = {"app.user_id": user_id}
        return settings | {"role": self.role} if self.role else settings

    def plan(self) -> None:
        def plan(chance: Random, number: int) -> UUID:
            user_id = self.person(number)
            with self.database.transaction(settings=self.settings(user_id)) as connection:
                execution_id = executions.add(
                    connection,
                    user_id=user_id,
                    input_type="pdf",
                    input_value=f"{self.name}/{number}.pdf",
                    input_file_url=None,
                    steps=_STEPS,
                )
                strike(chance, connection)
            return execution_id

        self.planned = self.crowd.do("plan", plan)
        self.say(f"{len(self.planned)} executions are planned")

    def kill_workers(self) -> None:
        """Let workers in processes of their own begin, and kill them: others take their work."""
        for _ in range(_KILLED):
            command = [sys.executable, "-c", _DOOMED, self.url]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout
                execution_id, attempt = process.stdout.readline().split()
                os.kill(process.pid, signal.SIGKILL)
            # on a slow machine the second one has what the first one left
            self.written.append((UUID(execution_id), f"attempt {attempt}: claimed"))
        self.say(f"{_KILLED} workers were killed while they worked")

    def follow(self, execution_id: UUID) -> int:
        """Look on live until the end."""
        with connect(self.url) as connection:
            lines = [
                (execution_id, line.message)
                for line in tail(connection, execution_id=execution_id, patience=5)
            ]
        self.followed_lines += lines
        return len(lines)

    async def work(self) -> None:
        """Work on what is planned until nothing is left, while some of it is cancelled."""
        async with open_async_database(self.url, OVERFLOWING) as database:
            numbers = range(self.crowd.workers)
            await asyncio.gather(
                *(
                    Worker(self, database, self.crowd.chance("work", number)).run()
                    for number in numbers
                ),
                *(self.cancel(database, number) for number in numbers if number % 5 == 0),
            )
        summary = self.crowd.summary("completed", "cancelled", "refused", "died", "taken over")
        self.say(f"executions: {summary}")

    def give_up(self) -> None:
        """End what is planned, so that nobody looks on for ever."""
        with self.database.transaction() as connection:
            for execution_id in self.planned:
                executions.fail(connection, execution_id=execution_id, error_message="given up")

    async def cancel(self, database: AsyncDatabase, number: int) -> None:
        """Let a person cancel an execution, and somebody else try to."""
        chance = self.crowd.chance("cancel", number)
        await asyncio.sleep(chance.random() / 2)
        execution_id = self.planned[number]
        for user_id in (self.person(number + 1), self.person(number)):
            async with database.transaction(settings=self.settings(user_id)) as connection:
                cancelled = await executions.cancel(
                    connection, execution_id=execution_id, user_id=user_id
                )
            self.crowd.count("cancelled", cancelled)

    def look_around(self) -> None:
        """Let everybody ask for what is theirs, and for what is not."""
        for user_id in self.people.values():
            asked = self.people.values() if self.role else [user_id]
            with self.database.transaction(settings=self.settings(user_id)) as connection:
                for owner in asked:
                    found = executions.list_for_user(connection, user_id=owner, max_executions=999)
                    self.seen += [(user_id, execution.id) for execution in found]
        if self.role is None:
            self.say("no role can be made here, so that nobody is held off by row-level security")

    def facts(self) -> Facts:
        return {
            "story": self.name,
            "people": [self.address(person) for person in _PEOPLE],
            "devices": [opened[0].session_id for opened in self.devices.values()],
            "tokens": [len(opened) for opened in self.devices.values()],
            "last": [opened[-1].session_id for opened in self.devices.values()],
            "robbed": [self.devices[number][0].session_id for number in self.robbed],
            "planned": self.planned,
            "followed": self.followed,
            "written_in": [one for one, _ in self.written],
            "written": [message for _, message in self.written],
            "read_in": [one for one, _ in self.followed_lines],
            "read": [message for _, message in self.followed_lines],
            "seen_by": [user_id for user_id, _ in self.seen],
            "seen": [execution_id for _, execution_id in self.seen],
        }


class _Held(TypedDict):
    execution_id: UUID
    attempt: int


@dataclass
class Worker:
    """One of many that take what is planned, one execution after the other."""

    day: Day
    database: AsyncDatabase
    chance: Random

    async def run(self) -> None:
        while not await self.is_all_over():
            claimed = await self.claim()
            if claimed is None:
                # what a worker that died has left comes back when its lease has run out
                await asyncio.sleep(0.05)
                continue
            try:
                await self.execute(claimed)
                self.day.crowd.count("completed")
            except Outrun:
                self.day.crowd.count("outrun")
            except (Crashed, OperationalError):
                # nobody is left who knows how far it came
                self.day.crowd.count("died")

    async def is_all_over(self) -> bool:
        async with self.database.transaction() as connection:
            open_ones = await connection.execute(
                """
                select count(*)
                from executions
                where id = any(%s) and status not in ('completed', 'failed', 'cancelled')
                """,
                [self.day.planned],
            )
            return await open_ones.fetchone() == (0,)

    async def claim(self) -> executions.ClaimRow | None:
        async with self.database.transaction() as connection:
            claimed = await executions.claim(connection, lease=_LEASE)
            if claimed is None:
                return None
            line = f"attempt {claimed.attempt}: claimed"
            await self.write(connection, claimed.id, line)
        self.day.written.append((claimed.id, line))
        if claimed.attempt > 1:
            self.day.crowd.count("taken over")
        return claimed

    async def execute(self, claimed: executions.ClaimRow) -> None:
        """Go through the steps that are not done, each validated and perhaps corrected."""
        async with self.database.transaction() as connection:
            made = await artifacts.list_for_execution(connection, execution_id=claimed.id)
        done = {artifact.name for artifact in made}
        key: _Held = {"execution_id": claimed.id, "attempt": claimed.attempt}
        for step in range(1, len(_STEPS) + 1):
            if f"step {step}" in done:
                continue
            async with self.piece(claimed, f"step {step} begins") as connection:
                demand(await executions.start_step(connection, **key, step_id=step))
            await self.overstep(claimed)
            async with self.piece(claimed, f"step {step} is validated") as connection:
                demand(
                    await executions.finish_step(
                        connection, **key, step_id=step, output=f"{step}", duration_ms=step
                    )
                )
                await change(connection, claimed, "running", "validating")
            if self.chance.random() < 0.4:
                async with self.piece(claimed, f"step {step} is wrong") as connection:
                    await change(connection, claimed, "validating", "correcting")
                async with self.piece(claimed, f"step {step} is mended") as connection:
                    await change(connection, claimed, "correcting", "validating")
            async with self.piece(claimed, f"step {step} is right") as connection:
                await change(connection, claimed, "validating", "running")
                await artifacts.add(
                    connection,
                    execution_id=claimed.id,
                    type="summary",
                    name=f"step {step}",
                    data=None,
                    file_url=None,
                    file_size_bytes=None,
                    mime_type=None,
                )
        async with self.piece(claimed, "done") as connection:
            demand(await executions.complete(connection, **key))

    async def overstep(self, claimed: executions.ClaimRow) -> None:
        """Try a step that no execution can take."""
        if self.chance.random() < 0.2:
            try:
                async with self.database.transaction() as connection:
                    await change(connection, claimed, "running", "planned")
            except CheckViolation:
                self.day.crowd.count("refused")

    @asynccontextmanager
    async def piece(
        self, claimed: executions.ClaimRow, what: str
    ) -> AsyncGenerator[AsyncConnection]:
        """Do a piece of work and tell of it, both or neither: a worker may die at its end."""
        line = f"attempt {claimed.attempt}: {what}"
        async with self.database.transaction() as connection:
            await self.write(connection, claimed.id, line)
            yield connection
            await strike_async(self.chance, connection, probability=0.03)
        self.day.written.append((claimed.id, line))

    async def write(self, connection: AsyncConnection, execution_id: UUID, line: str) -> None:
        values = execution_logs.AddValues(execution_id, "info", line, None, None)
        await execution_logs.add(connection, [values])


async def change(
    connection: AsyncConnection, claimed: executions.ClaimRow, old: str, new: str
) -> None:
    demand(
        await executions.change_status(
            connection,
            execution_id=claimed.id,
            attempt=claimed.attempt,
            from_status=old,
            status=new,
            lease=_LEASE,
        )
    )


def demand(found: object) -> None:
    """Go on only if the execution is still what this worker takes it for."""
    if not found:
        raise Outrun
