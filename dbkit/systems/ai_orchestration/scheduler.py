"""Schedules: cron's next time in a time zone, and the worker that starts runs by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from threading import Event
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from psycopg import Connection

from dbkit.errors import DbkitError
from dbkit.pgtypes import JsonLike
from dbkit.systems.ai_orchestration import schedules
from dbkit.transactions import transaction

_STANDARD_FIELDS = 5


@dataclass(eq=False)
class BadCronExpression(DbkitError):
    """A schedule's times are not written as cron has them."""

    expression: str
    reason: str

    def __str__(self) -> str:
        return (
            f"cron expression {self.expression!r} is refused: {self.reason}; "
            "write minute, hour, day of the month, month and day of the week, as in '30 7 * * 1-5'"
        )


@dataclass(eq=False)
class UnknownTimeZone(DbkitError):
    """No time zone of this name is known."""

    name: str

    def __str__(self) -> str:
        return f"unknown time zone {self.name!r}; write an IANA name, as Europe/Berlin or UTC"


@dataclass(frozen=True, slots=True)
class Fired:
    """A schedule that was due and has its run now."""

    schedule_id: UUID
    run_id: UUID
    due_at: datetime
    next_run_at: datetime


@dataclass(frozen=True, slots=True)
class Stopped:
    """A schedule that was due and can have no next time: it is paused, and this is why."""

    schedule_id: UUID
    error: BadCronExpression | UnknownTimeZone


def next_run(expression: str, timezone: str, after: datetime) -> datetime:
    """Give the first time after an instant that a cron expression means in a time zone, in UTC.

    As in Debian's cron, a time of day that the clocks skip is made up for as soon as they have,
    and one that they repeat counts once; `*` and `*/n` of minutes or hours go by elapsed time.
    """
    if len(expression.split()) != _STANDARD_FIELDS:
        raise BadCronExpression(expression, "it does not have five fields")
    if timezone not in _zones():
        raise UnknownTimeZone(timezone)
    try:
        times = CronSim(expression, after.astimezone(ZoneInfo(timezone)))
    except CronSimError as error:
        message = str(error)
        raise BadCronExpression(expression, message[:1].lower() + message[1:]) from error
    for time in times:
        found = time.astimezone(UTC)
        # within a repeated hour the clock reads earlier than an instant that it comes after
        if found > after:
            return found
    raise BadCronExpression(expression, "it means no day within fifty years")


def add(  # noqa: PLR0913 - as many keywords as the query has
    connection: Connection[Any],
    *,
    tenant_id: UUID,
    workflow_id: UUID,
    name: str,
    cron_expression: str,
    timezone: str = "UTC",
    description: str | None = None,
    input: JsonLike | None = None,  # noqa: A002 - a keyword is called what the column is called
    created_by: UUID | None = None,
    workflow_version: int | None = None,
) -> UUID | None:
    """Add a schedule that runs from now on; none if there is no such published version."""
    return schedules.add(
        connection,
        tenant_id=tenant_id,
        workflow_id=workflow_id,
        name=name,
        description=description,
        cron_expression=cron_expression,
        timezone=timezone,
        input=input,
        created_by=created_by,
        workflow_version=workflow_version,
        next_run_at=next_run(cron_expression, timezone, datetime.now(UTC)),
    )


def change_time(
    connection: Connection[Any],
    *,
    tenant_id: UUID,
    schedule_id: UUID,
    cron_expression: str,
    timezone: str,
) -> bool:
    """Have a schedule run at other times from now on; say whether there is such a schedule."""
    touched = schedules.change_time(
        connection,
        tenant_id=tenant_id,
        schedule_id=schedule_id,
        cron_expression=cron_expression,
        timezone=timezone,
        next_run_at=next_run(cron_expression, timezone, datetime.now(UTC)),
    )
    return touched == 1


def resume(connection: Connection[Any], *, tenant_id: UUID, schedule_id: UUID) -> bool:
    """Let a paused schedule run again from now on; say whether there was one to resume."""
    found = schedules.find(connection, tenant_id=tenant_id, schedule_id=schedule_id)
    if found is None:
        return False
    touched = schedules.resume(
        connection,
        tenant_id=tenant_id,
        schedule_id=schedule_id,
        next_run_at=next_run(found.cron_expression, found.timezone, datetime.now(UTC)),
    )
    return touched == 1


def fire_due(connection: Connection[Any], *, max_schedules: int = 100) -> Sequence[Fired | Stopped]:
    """Start a run for each schedule that is due, of any tenant, and move it to its next time.

    Claim, runs and new times are one transaction, the caller's: until it commits, other workers
    pass over these schedules, and if it does not, they are due again. Times missed while nobody
    worked are made up for by one run. A schedule that can have no next time is paused, because
    it would keep all others from running.
    """
    due: dict[UUID, schedules.FireValues] = {}
    stopped: list[Stopped] = []
    for one in schedules.claim_due(connection, max_schedules=max_schedules):
        try:
            # by the server's clock, so that no worker's is ahead of it or behind
            next_run_at = next_run(one.cron_expression, one.timezone, one.claimed_at)
        except (BadCronExpression, UnknownTimeZone) as error:
            schedules.pause(connection, tenant_id=one.tenant_id, schedule_id=one.id)
            stopped.append(Stopped(one.id, error))
        else:
            due[one.id] = schedules.FireValues(
                schedule_id=one.id,
                tenant_id=one.tenant_id,
                due_at=one.next_run_at,
                next_run_at=next_run_at,
            )
    fired = schedules.fire(connection, list(due.values()))
    return [
        *stopped,
        *(
            Fired(
                one.schedule_id,
                one.run_id,
                due[one.schedule_id].due_at,
                due[one.schedule_id].next_run_at,
            )
            for one in fired
        ),
    ]


def work(
    connection: Connection[Any], *, stop: Event, pause: float = 1.0, max_schedules: int = 100
) -> int:
    """Fire what is due until told to stop, a transaction for each round; tell how many fired.

    The pause is kept when a round found less than it could have taken.
    """
    count = 0
    while not stop.is_set():
        with transaction(connection):
            done = fire_due(connection, max_schedules=max_schedules)
        count += sum(isinstance(one, Fired) for one in done)
        if len(done) < max_schedules:
            stop.wait(pause)
    return count


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
