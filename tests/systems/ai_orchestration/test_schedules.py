"""A schedule is added, changed, paused, resumed, removed and restored."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg import Connection

from dbkit.systems.ai_orchestration import schedules, workflows
from dbkit.systems.ai_orchestration.scheduler import (
    BadCronExpression,
    UnknownTimeZone,
    add,
    change_time,
    fire_due,
    next_run,
    resume,
)
from tests.systems.ai_orchestration.drafts import (
    ScheduleKey,
    add_published,
    add_tenant,
    add_workflow,
)
from tests.systems.ai_orchestration.scheduling import add_schedule, make_due, now, read, runs_of


@pytest.fixture
def tenant(database: Connection) -> UUID:
    """A tenant with schedules."""
    return add_tenant(database)


@pytest.fixture
def workflow(database: Connection, tenant: UUID) -> UUID:
    """A workflow of which version 2 is published."""
    return add_published(database, tenant)


def test_a_new_schedule_knows_its_next_time(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    before = datetime.now(UTC)
    schedule = add_schedule(database, tenant, workflow)

    found = read(database, tenant, schedule)

    assert found.next_run_at == next_run("0 * * * *", "Europe/Berlin", before)
    assert (found.status, found.workflow_version, found.run_count) == ("active", 2, 0)
    assert (found.last_run_at, found.last_run_id) == (None, None)


def test_a_schedule_wants_a_published_version(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    draft = add_workflow(database, tenant)
    stranger = add_tenant(database)

    refused = [
        add(
            database,
            tenant_id=owner,
            workflow_id=which,
            workflow_version=version,
            name="hourly",
            cron_expression="0 * * * *",
        )
        for owner, which, version in (
            (tenant, draft, None),
            (tenant, workflow, 1),
            (stranger, workflow, 2),
        )
    ]

    assert refused == [None, None, None]


def test_a_schedule_that_cannot_be_read_is_not_added(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    for expression, zone, error in (
        ("hourly", "UTC", BadCronExpression),
        ("0 * * * *", "Mars/Olympus", UnknownTimeZone),
    ):
        with pytest.raises(error):
            add(
                database,
                tenant_id=tenant,
                workflow_id=workflow,
                name="hourly",
                cron_expression=expression,
                timezone=zone,
            )

    assert schedules.list_for_tenant(database, tenant_id=tenant) == []


def test_a_paused_schedule_goes_on_from_now_when_resumed(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    schedule = add_schedule(database, tenant, workflow)
    make_due(database, timedelta(days=3))
    key: ScheduleKey = {"tenant_id": tenant, "schedule_id": schedule}
    assert schedules.pause(database, **key) == 1
    paused = read(database, tenant, schedule)
    assert schedules.pause(database, **key) == 0

    assert resume(database, **key)

    found = read(database, tenant, schedule)
    assert (paused.status, paused.next_run_at) == ("paused", None)
    assert (found.status, found.run_count) == ("active", 0)
    assert found.next_run_at
    assert found.next_run_at > now(database)
    assert fire_due(database) == []
    assert not resume(database, **key)


def test_other_times_hold_at_once_but_not_for_a_paused_schedule(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    schedule = add_schedule(database, tenant, workflow)
    key: ScheduleKey = {"tenant_id": tenant, "schedule_id": schedule}
    before = datetime.now(UTC)

    assert change_time(database, **key, cron_expression="0 7 * * *", timezone="America/New_York")
    active = read(database, tenant, schedule)
    schedules.pause(database, **key)
    change_time(database, **key, cron_expression="0 8 * * *", timezone="UTC")
    paused = read(database, tenant, schedule)

    assert (active.cron_expression, active.timezone) == ("0 7 * * *", "America/New_York")
    assert active.next_run_at == next_run("0 7 * * *", "America/New_York", before)
    assert (paused.cron_expression, paused.status, paused.next_run_at) == (
        "0 8 * * *",
        "paused",
        None,
    )
    with pytest.raises(BadCronExpression):
        change_time(database, **key, cron_expression="x", timezone="UTC")


def test_a_schedule_changes_only_where_it_is_told(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    key: ScheduleKey = {
        "tenant_id": tenant,
        "schedule_id": add_schedule(database, tenant, workflow),
    }
    workflows.publish(database, tenant_id=tenant, workflow_id=workflow)

    assert schedules.change(database, **key, name="newer", workflow_version=3) == 1
    assert schedules.change(database, **key, name="not", workflow_version=4) == 0

    found = read(database, tenant, key["schedule_id"])
    assert (found.name, found.workflow_version, found.input) == ("newer", 3, {"day": 1})


def test_a_removed_schedule_is_gone_until_it_is_restored(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    key: ScheduleKey = {
        "tenant_id": tenant,
        "schedule_id": add_schedule(database, tenant, workflow),
    }
    make_due(database)

    assert schedules.remove(database, **key) == 1

    assert schedules.remove(database, **key) == 0
    assert schedules.find(database, **key) is None
    assert schedules.list_for_tenant(database, tenant_id=tenant) == []
    assert schedules.list_due(database, tenant_id=tenant) == []
    assert not resume(database, **key)
    assert fire_due(database) == []

    assert schedules.restore(database, **key) == 1

    assert schedules.restore(database, **key) == 0
    assert len(fire_due(database)) == 1


def test_a_schedule_removed_for_good_leaves_its_runs(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    schedule = add_schedule(database, tenant, workflow)
    make_due(database)
    fire_due(database)

    assert schedules.remove_for_good(database, tenant_id=tenant, schedule_id=schedule) == 1

    assert len(runs_of(database)) == 1
    assert schedules.list_for_tenant(database, tenant_id=tenant) == []


def test_schedules_are_listed_next_first_and_counted_by_status(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    other = add_published(database, tenant)
    yearly = add_schedule(database, tenant, workflow, "0 0 1 1 *")
    hourly = add_schedule(database, tenant, other)
    paused = add_schedule(database, tenant, other)
    schedules.pause(database, tenant_id=tenant, schedule_id=paused)

    listed = schedules.list_for_tenant(database, tenant_id=tenant)
    of_one = schedules.list_for_tenant(database, tenant_id=tenant, workflow_id=other)
    counts = schedules.count_by_status(database, tenant_id=tenant)

    assert [schedule.id for schedule in listed] == [hourly, yearly, paused]
    assert [schedule.id for schedule in of_one] == [hourly, paused]
    assert counts == [
        schedules.StatusCount("active", 2),
        schedules.StatusCount("paused", 1),
    ]


def test_a_stranger_touches_no_schedule(database: Connection, tenant: UUID, workflow: UUID) -> None:
    schedule = add_schedule(database, tenant, workflow)
    before = read(database, tenant, schedule)
    stranger = add_tenant(database)
    key: ScheduleKey = {"tenant_id": stranger, "schedule_id": schedule}

    touched = [
        schedules.change(database, **key, name="mine"),
        change_time(database, **key, cron_expression="* * * * *", timezone="UTC"),
        schedules.pause(database, **key),
        resume(database, **key),
        schedules.remove(database, **key),
        schedules.restore(database, **key),
        schedules.remove_for_good(database, **key),
    ]

    assert touched == [0] * 7
    assert schedules.find(database, **key) is None
    assert schedules.list_for_tenant(database, tenant_id=stranger) == []
    assert schedules.count_by_status(database, tenant_id=stranger) == []
    assert read(database, tenant, schedule) == before
