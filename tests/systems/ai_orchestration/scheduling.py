"""Schedules of a published workflow, for the tests of ai_orchestration."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from dbkit.systems.ai_orchestration import schedules
from dbkit.systems.ai_orchestration.scheduler import add


def add_schedule(
    database: Connection, tenant: UUID, workflow: UUID, cron_expression: str = "0 * * * *"
) -> UUID:
    schedule = add(
        database,
        tenant_id=tenant,
        workflow_id=workflow,
        name="hourly",
        cron_expression=cron_expression,
        timezone="Europe/Berlin",
        input={"day": 1},
    )
    assert schedule
    return schedule


def make_due(database: Connection, ago: timedelta = timedelta(minutes=1)) -> None:
    database.execute("update schedules set next_run_at = now() - %s", [ago])
    # now() is the time of the transaction
    database.commit()


def read(database: Connection, tenant: UUID, schedule: UUID) -> schedules.Schedule:
    found = schedules.find(database, tenant_id=tenant, schedule_id=schedule)
    assert found
    return found


def runs_of(database: Connection) -> list[dict[str, Any]]:
    with database.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from runs order by created_at, id").fetchall()


def now(database: Connection) -> datetime:
    database.commit()
    row = database.execute("select now()").fetchone()
    assert row
    found: datetime = row[0]
    return found
