"""A day of ai_orchestration: tenants publish workflows, which people, calls and a clock run."""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from psycopg import Connection

from dbkit import OVERFLOWING, open_database
from dbkit.pools import Database
from dbkit.systems.ai_orchestration import (
    runs,
    scheduler,
    schedules,
    steps,
    tenants,
    users,
    vault,
    webhook_calls,
    workflows,
)
from tests.stories.flows import MOST_ATTEMPTS, PASSES, RARELY, Worker, Workflow, draw
from tests.stories.telling import Crowd, Facts, Say, strike, unprivileged_role

LOOK = (
    'dbkit psql ai_orchestration -- -c "select slug, triggered_by, status, count(*) from runs '
    "inner join tenants on tenants.id = tenant_id "
    "where slug like '{story}-%' group by 1, 2, 3\""
)

_TENANTS, _WORKFLOWS, _TICKS = 2, 4, 3
_AT_ONCE = 5
_OLD = vault.Keyring("old", {"old": b"o" * 32})
_NEW = vault.Keyring("new", {"old": b"o" * 32, "new": b"n" * 32})


def tell(url: str, *, workers: int, seed: int, say: Say) -> Facts:
    """Have so many workers spend a day, and give what the world outside knows of it."""
    with unprivileged_role(url) as role, open_database(url, OVERFLOWING) as database:
        day = Day(database, Crowd(workers, seed), f"day-{seed}", role, say)
        day.found_tenants()
        day.log_in()
        day.draw_workflows()
        day.publish()
        day.keep_secrets()
        day.ask_for_runs()
        day.let_the_clock_strike()
        day.work()
        day.look_around()
    return day.facts()


@dataclass
class Day:
    """The tenants, workflows and runs of one day."""

    database: Database
    crowd: Crowd
    name: str
    role: str | None
    say: Say
    tenants: list[UUID] = field(default_factory=list[UUID])
    workflows: list[Workflow] = field(default_factory=list[Workflow])
    published: list[tuple[UUID, int, int]] = field(default_factory=list[tuple[UUID, int, int]])
    asked: list[UUID] = field(default_factory=list[UUID])
    called: list[UUID] = field(default_factory=list[UUID])
    fired: list[UUID] = field(default_factory=list[UUID])
    seen: list[tuple[UUID, UUID]] = field(default_factory=list[tuple[UUID, UUID]])

    def person(self, number: int) -> int:
        """Two workers are one person, who sits at two machines."""
        return number // 2

    def tenant(self, number: int) -> UUID:
        return self.tenants[self.person(number) % _TENANTS]

    def workflow(self, number: int) -> Workflow:
        """Of the workflows, those of one's own tenant have numbers as even, or as odd."""
        return self.workflows[self.person(number) % _WORKFLOWS]

    def user(self, number: int) -> UUID:
        return UUID(int=self.crowd.chance("user", self.person(number)).getrandbits(128), version=4)

    def acting(self, number: int) -> dict[str, object]:
        """Give what the database wants to know: whose work it is, who does it, and as what."""
        settings: dict[str, object] = {
            "app.tenant_id": self.tenant(number),
            "app.actor_id": self.user(number),
        }
        return settings | {"role": self.role} if self.role else settings

    def found_tenants(self) -> None:
        with self.database.transaction() as connection:
            self.tenants = [
                tenants.add(
                    connection,
                    name=f"Tenant {number}",
                    slug=f"{self.name}-{number}",
                    settings={"max_concurrent_runs": _AT_ONCE},
                )
                for number in range(_TENANTS)
            ]
        self.say(f"{_TENANTS} tenants, each with {_AT_ONCE} runs at once at most")

    def log_in(self) -> None:
        """Log everybody in on two machines at once: the first login makes the user."""

        def come(chance: Random, number: int) -> None:
            with self.database.transaction(settings=self.acting(number)) as connection:
                user = users.log_in(
                    connection,
                    user_id=self.user(number),
                    tenant_id=self.tenant(number),
                    email=f"{self.person(number)}@{self.name}",
                    name=None,
                    role="builder",
                )
                strike(chance, connection)
            assert user
            self.crowd.count("users" if user.is_new else "users known by then")

        self.crowd.do("log in", come)
        self.say(f"logins: {self.crowd.summary('users', 'users known by then', 'died')}")

    def draw_workflows(self) -> None:
        """Draw fetch -> [sum up] -> report, with a webhook and a schedule; publish it once."""
        for number in range(0, 2 * _WORKFLOWS, 2):
            tenant_id = self.tenant(number)
            with self.database.transaction(settings=self.acting(number)) as connection:
                drawn = draw(connection, tenant_id, f"{self.name}-{number}")
            self.workflows.append(drawn)

    def publish(self) -> None:
        """Edit and publish at once, with many others: a version holds what was edited for it."""

        def publish(chance: Random, number: int) -> None:
            flow = self.workflow(number)
            with self.database.transaction(settings=self.acting(number)) as connection:
                steps.change(
                    connection,
                    tenant_id=flow.tenant_id,
                    workflow_id=flow.id,
                    step_id=flow.first_step,
                    config={"by": number, "max_attempts": MOST_ATTEMPTS},
                )
                strike(chance, connection)
                published = workflows.publish(
                    connection, tenant_id=flow.tenant_id, workflow_id=flow.id
                )
                strike(chance, connection)
            assert published
            self.published.append((flow.id, published.version, number))

        self.crowd.do("publish", publish)
        newest = max(version for _, version, _ in self.published)
        self.say(
            f"{len(self.published)} versions of {_WORKFLOWS} workflows, up to {newest},"
            f" {self.crowd.summary('died')}"
        )

    def keep_secrets(self) -> None:
        """Keep secrets under one key, then put them under another while some are replaced."""

        def keep(chance: Random, number: int) -> None:
            with self.database.transaction(settings=self.acting(number)) as connection:
                self.put_secret(connection, _OLD, number, "first")
                strike(chance, connection)

        def rotate(chance: Random, number: int) -> None:
            if number % 3 == 0:
                with self.database.transaction(settings=self.acting(number)) as connection:
                    self.put_secret(connection, _NEW, number, "second")
            left = True
            while left:
                with self.database.transaction(settings=self.acting(number)) as connection:
                    tenant_id = self.tenant(number)
                    left = vault.rotate(connection, _NEW, tenant_id=tenant_id, max_secrets=3) > 0
                    strike(chance, connection)

        def reveal(_: Random, number: int) -> str | None:
            with self.database.transaction(settings=self.acting(number)) as connection:
                return vault.reveal(
                    connection, _NEW, tenant_id=self.tenant(number), name=f"{number}"
                )

        self.crowd.do("keep", keep)
        self.crowd.do("rotate", rotate)
        revealed = self.crowd.do("reveal", reveal)
        expected = [
            f"{number} {'first' if number % 3 else 'second'}" for number in range(len(revealed))
        ]
        assert revealed == expected, "a secret is not what it was"
        self.say(f"{len(revealed)} secrets are under a new key, {self.crowd.summary('died')}")

    def put_secret(
        self, connection: Connection[Any], ring: vault.Keyring, number: int, word: str
    ) -> None:
        vault.put(
            connection,
            ring,
            tenant_id=self.tenant(number),
            name=f"{number}",
            value=f"{number} {word}",
        )

    def ask_for_runs(self) -> None:
        """Ask for a run of any version by hand, and for one of the newest by a signed call."""

        def ask(chance: Random, number: int) -> None:
            flow = self.workflow(number)
            with self.database.transaction(settings=self.acting(number)) as connection:
                by_hand = runs.add(
                    connection,
                    tenant_id=flow.tenant_id,
                    workflow_id=flow.id,
                    workflow_version=chance.choice([None, 2]),
                    input={"day": self.name},
                    triggered_by_user=self.user(number),
                )
                strike(chance, connection)
                by_call = self.call(connection, chance, flow)
                strike(chance, connection)
            assert by_hand
            self.asked.append(by_hand)
            if by_call:
                self.called.append(by_call)

        self.crowd.do("ask", ask)
        summary = self.crowd.summary("forged", "came late", "died")
        self.say(
            f"{len(self.asked)} runs asked for, {len(self.called)} called for; calls: {summary}"
        )

    def call(self, connection: Connection[Any], chance: Random, flow: Workflow) -> UUID | None:
        """Call as the outside world does: mostly right, sometimes forged, late or sent twice."""
        body, now = json.dumps({"day": self.name}).encode(), int(time.time())
        timestamp = now if chance.random() < 0.8 else now - 2 * webhook_calls.TOLERANCE
        key = flow.signing_key if chance.random() < 0.8 else "guessed"
        delivery_id = f"{chance.getrandbits(64):x}"
        try:
            runs_of_call = {
                webhook_calls.trigger(
                    connection,
                    tenant_id=flow.tenant_id,
                    webhook_id=flow.webhook,
                    body=body,
                    timestamp=timestamp,
                    signature=webhook_calls.sign(
                        body, secret=key, timestamp=timestamp, delivery_id=delivery_id
                    ),
                    delivery_id=delivery_id,
                ).id
                for _ in range(1 if chance.random() < 0.8 else 2)
            }
        except webhook_calls.WrongSignature:
            self.crowd.count("forged")
            return None
        except webhook_calls.StaleCall:
            self.crowd.count("came late")
            return None
        [run_id] = runs_of_call
        return run_id

    def let_the_clock_strike(self) -> None:
        """Have every schedule due several times, with all workers waiting for it."""

        def fire(chance: Random, _: int) -> None:
            done: object = True
            while done:
                with self.database.transaction() as connection:
                    done = scheduler.fire_due(connection, max_schedules=1)
                    strike(chance, connection)
                runs_of = {flow.schedule for flow in self.workflows}
                self.fired += [
                    fired.run_id
                    for fired in done
                    if isinstance(fired, scheduler.FiredSchedule) and fired.schedule_id in runs_of
                ]

        for tick in range(_TICKS):
            with self.database.transaction() as connection:
                for flow in self.workflows:
                    schedules.change_time(
                        connection,
                        tenant_id=flow.tenant_id,
                        schedule_id=flow.schedule,
                        cron_expression=RARELY,
                        timezone="Europe/Berlin",
                        next_run_at=datetime.now(UTC) - timedelta(minutes=1),
                    )
            self.crowd.do(f"tick {tick}", fire)
        summary = self.crowd.summary("died")
        self.say(
            f"{_TICKS} times {_WORKFLOWS} schedules were due and {len(self.fired)} fired, {summary}"
        )

    def work(self) -> None:
        """Work on the runs of all tenants until all are over, while some are cancelled."""
        began = datetime.now(UTC) - timedelta(hours=1)

        def work(chance: Random, number: int) -> None:
            if chance.random() < 0.2:
                with self.database.transaction(settings=self.acting(number)) as connection:
                    cancelled = runs.cancel(
                        connection,
                        tenant_id=self.tenant(number),
                        run_id=chance.choice(self.asked),
                    )
                self.crowd.count("cancelled", cancelled)
            Worker(self.database, self.crowd, chance).run(self.tenants, began)

        self.crowd.do("work", work)
        summary = self.crowd.summary(
            "completed", "cancelled", "failed", "attempts", "died", "taken over"
        )
        self.say(f"runs: {summary}")

    def look_around(self) -> None:
        """Let every tenant ask for its runs, and for the other's."""
        for number in range(0, 2 * _TENANTS, 2):
            asked = self.tenants if self.role else [self.tenant(number)]
            with self.database.transaction(settings=self.acting(number)) as connection:
                for tenant_id in asked:
                    found = runs.list_for_tenant(connection, tenant_id=tenant_id, max_runs=9999)
                    self.seen += [(self.tenant(number), run.id) for run in found]
        if self.role is None:
            self.say("no role can be made here, so that nobody is held off by row-level security")

    def facts(self) -> Facts:
        people = range((self.crowd.workers + 1) // 2)
        return {
            "tenants": self.tenants,
            "limit": _AT_ONCE,
            "emails": [f"{person}@{self.name}" for person in people],
            "workflows": [flow.id for flow in self.workflows],
            "ticks": _TICKS,
            "passes": PASSES,
            "secrets": self.crowd.workers,
            "published": [workflow for workflow, _, _ in self.published],
            "versions": [version for _, version, _ in self.published],
            "editors": [number for _, _, number in self.published],
            "asked": self.asked,
            "called": self.called,
            "fired": self.fired,
            "seen_by": [tenant_id for tenant_id, _ in self.seen],
            "seen": [run_id for _, run_id in self.seen],
        }
