"""Compute when schedules are due, as cron does, and start their runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import Event
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from psycopg import Connection

from dbkit import transaction
from dbkit.errors import DbkitError
from dbkit.pools import Database
from dbkit.runtime import JsonLike
from dbkit.systems.ai_orchestration import schedules

_STANDARD_FIELDS = 5


@dataclass(eq=False)
class BadCronExpression(DbkitError):
    """The times of a schedule are not a cron expression."""

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
class FiredSchedule:
    """A schedule that was due, and the run that was started for it."""

    schedule_id: UUID
    run_id: UUID
    due_at: datetime
    next_run_at: datetime


@dataclass(frozen=True, slots=True)
class PausedSchedule:
    """A schedule that was due but has no next time: it was paused, for this reason."""

    schedule_id: UUID
    error: BadCronExpression | UnknownTimeZone


def next_run(expression: str, timezone: str, after: datetime) -> datetime:
    """Return the first time after an instant that matches a cron expression, in UTC.

    The expression is read in the time zone, as Debian's cron does at daylight saving changes: a
    time of day that the clocks skip runs right after the change, one that they repeat runs once,
    and `*` and `*/n` of minutes or hours follow the elapsed time.

        next_run("30 7 * * 1-5", "Europe/Berlin", datetime.now(UTC))
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
        instant = time.astimezone(UTC)
        # in an hour that the clocks repeat, a later reading of them can be an earlier instant
        if instant > after:
            return instant
    raise BadCronExpression(expression, "it matches no day within fifty years")


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
    """Add a schedule that runs from now on, or return None if that version is not published."""
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
    """Change the times of a schedule from now on; return whether there is such a schedule."""
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
    """Let a paused schedule run again from now on; return whether there was one to resume."""
    schedule = schedules.find(connection, tenant_id=tenant_id, schedule_id=schedule_id)
    if schedule is None:
        return False
    touched = schedules.resume(
        connection,
        tenant_id=tenant_id,
        schedule_id=schedule_id,
        next_run_at=next_run(schedule.cron_expression, schedule.timezone, datetime.now(UTC)),
    )
    return touched == 1


def fire_due(
    connection: Connection[Any], *, max_schedules: int = 100
) -> Sequence[FiredSchedule | PausedSchedule]:
    """Start a run for each schedule that is due, of any tenant, and set its next time.

    Claim, runs and next times are written in the caller's transaction. Until it commits, other
    workers skip these schedules; if it rolls back, they are due again. Times that passed while no
    worker ran are made up for by one run. A schedule that has no next time is paused, because an
    error would keep all other schedules from running.
    """
    due, errors = _next_times(schedules.claim_due(connection, max_schedules=max_schedules))
    return _fired(connection, due, errors)


def fire_leased(
    database: Database,
    *,
    worker: str,
    lease: timedelta = timedelta(minutes=1),
    max_attempts: int = 5,
    max_schedules: int = 100,
) -> Sequence[FiredSchedule | PausedSchedule]:
    """Do what `fire_due` does, in two transactions with a lease between them.

    A worker that dies or loses the server in between leaves schedules that are due again when the
    lease runs out, their attempt counted. One that was lost so in `max_attempts` attempts is
    paused.
    """
    with database.transaction() as connection:
        leased = schedules.lease_due(
            connection,
            worker=worker,
            lease=lease,
            max_attempts=max_attempts,
            max_schedules=max_schedules,
        )
    due, errors = _next_times(leased)
    with database.transaction() as connection:
        return _fired(connection, due, errors)


def work(
    connection: Connection[Any], *, stop: Event, pause: float = 1.0, max_schedules: int = 100
) -> int:
    """Fire due schedules until `stop` is set, and return how many fired.

    Each round is one transaction. After a round with fewer than `max_schedules` schedules it
    waits `pause` seconds.
    """
    count = 0
    while not stop.is_set():
        with transaction(connection):
            outcomes = fire_due(connection, max_schedules=max_schedules)
        count += sum(isinstance(outcome, FiredSchedule) for outcome in outcomes)
        if len(outcomes) < max_schedules:
            stop.wait(pause)
    return count


class _Unpaused(NamedTuple):
    schedule_id: UUID
    tenant_id: UUID
    error: BadCronExpression | UnknownTimeZone


def _next_times(
    claimed: Sequence[schedules.ClaimDueRow] | Sequence[schedules.LeaseDueRow],
) -> tuple[dict[UUID, schedules.FireValues], list[_Unpaused]]:
    due: dict[UUID, schedules.FireValues] = {}
    errors: list[_Unpaused] = []
    for schedule in claimed:
        try:
            # by the server's clock: the clock of a worker may be fast or slow
            next_run_at = next_run(schedule.cron_expression, schedule.timezone, schedule.claimed_at)
        except (BadCronExpression, UnknownTimeZone) as error:
            errors.append(_Unpaused(schedule.id, schedule.tenant_id, error))
        else:
            due[schedule.id] = schedules.FireValues(
                schedule_id=schedule.id,
                tenant_id=schedule.tenant_id,
                due_at=schedule.next_run_at,
                next_run_at=next_run_at,
            )
    return due, errors


def _fired(
    connection: Connection[Any],
    due: Mapping[UUID, schedules.FireValues],
    errors: Sequence[_Unpaused],
) -> Sequence[FiredSchedule | PausedSchedule]:
    for one in errors:
        schedules.pause(connection, tenant_id=one.tenant_id, schedule_id=one.schedule_id)
    return [
        *(PausedSchedule(one.schedule_id, one.error) for one in errors),
        *(
            FiredSchedule(
                run.schedule_id,
                run.run_id,
                due[run.schedule_id].due_at,
                due[run.schedule_id].next_run_at,
            )
            for run in schedules.fire(connection, list(due.values()))
        ),
    ]


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
