"""A schedule that is due starts one run, however many workers look, and moves to its next time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from psycopg import Connection

from dbkit.systems.ai_orchestration import schedules
from dbkit.systems.ai_orchestration.scheduler import (
    BadCronExpression,
    FiredSchedule,
    PausedSchedule,
    UnknownTimeZone,
    fire_due,
    next_run,
    work,
)
from tests.systems.ai_orchestration.drafts import (
    Draft,
    add_published,
    add_tenant,
    another,
    at_once,
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


def test_a_due_schedule_starts_a_run_and_moves_on(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    schedule = add_schedule(database, tenant, workflow)
    make_due(database)
    due_at = read(database, tenant, schedule).next_run_at
    assert due_at

    [fired] = fire_due(database)

    [run] = runs_of(database)
    found = read(database, tenant, schedule)
    assert found.next_run_at
    assert fired == FiredSchedule(schedule, run["id"], due_at, found.next_run_at)
    assert (
        run.items()
        >= {
            "tenant_id": tenant,
            "workflow_id": workflow,
            "workflow_version": 2,
            "status": "pending",
            "mode": "production",
            "triggered_by": "schedule",
            "triggered_by_user": None,
            "input": {"day": 1},
        }.items()
    )
    assert (found.last_run_id, found.last_run_at) == (run["id"], run["created_at"])
    assert found.run_count == 1
    assert fire_due(database) == []
    logged = database.execute(
        "select tenant_id, action, resource_id, metadata ->> 'schedule_id' from audit_logs"
        " where resource_type = 'run'"
    ).fetchall()
    assert logged == [(tenant, "execute", run["id"], str(schedule))]


def test_times_that_were_missed_are_made_up_for_by_one_run(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    schedule = add_schedule(database, tenant, workflow)
    make_due(database, timedelta(days=3))

    fire_due(database)
    again = fire_due(database)

    found = read(database, tenant, schedule)
    assert (again, found.run_count, len(runs_of(database))) == ([], 1, 1)
    assert found.next_run_at == next_run("0 * * * *", "Europe/Berlin", now(database))


@pytest.mark.parametrize(
    "reason",
    [
        "update schedules set status = 'paused'",
        "update schedules set deleted_at = now()",
        "update schedules set next_run_at = now() + interval '1 s'",
        "update schedules set next_run_at = null",
        "update schedules set workflow_version = 1",
        "update workflows set deleted_at = now()",
        "update tenants set deleted_at = now()",
    ],
)
def test_what_cannot_run_is_not_fired(
    database: Connection, tenant: UUID, workflow: UUID, reason: str
) -> None:
    add_schedule(database, tenant, workflow)
    make_due(database)
    database.execute(reason.encode())

    assert fire_due(database) == []
    assert runs_of(database) == []


def test_the_longest_overdue_fire_first(database: Connection, tenant: UUID, workflow: UUID) -> None:
    added = [add_schedule(database, tenant, workflow) for _ in range(4)]
    for hours, schedule in enumerate(added):
        database.execute(
            "update schedules set next_run_at = now() - make_interval(hours => %s) where id = %s",
            [hours, schedule],
        )

    fired = fire_due(database, max_schedules=2)

    assert {one.schedule_id for one in fired} == set(added[2:])


def test_workers_of_many_tenants_schedules_fire_each_once(database: Connection) -> None:
    added: set[UUID] = set()
    for _ in range(3):
        tenant = add_tenant(database)
        workflow = add_published(database, tenant)
        added |= {add_schedule(database, tenant, workflow) for _ in range(12)}
    make_due(database)

    def fire(connection: Connection) -> list[UUID]:
        fired: list[UUID] = []
        while round_ := fire_due(connection, max_schedules=3):
            fired += [one.schedule_id for one in round_]
            connection.commit()
        return fired

    fired = [schedule for one in at_once(database, 8, fire) for schedule in one]

    assert sorted(fired) == sorted(added)
    assert len(runs_of(database)) == len(added)
    query = "select count(distinct last_run_id), min(run_count), max(run_count) from schedules"
    assert database.execute(query).fetchone() == (len(added), 1, 1)
    query = (
        "select count(*) from schedules as s"
        " join runs as r on r.id = s.last_run_id and r.tenant_id = s.tenant_id"
    )
    assert database.execute(query).fetchone() == (len(added),)


def test_a_schedule_another_worker_holds_is_passed_over(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    add_schedule(database, tenant, workflow)
    make_due(database)
    with another(database) as other:
        held = fire_due(other)

        assert len(held) == 1
        assert fire_due(database) == []


def test_a_schedule_whose_worker_died_is_due_again(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    schedule = add_schedule(database, tenant, workflow)
    make_due(database)
    with another(database) as other:
        fire_due(other)
        session = other.execute("select pg_backend_pid()").fetchone()
        ended = database.execute("select pg_terminate_backend(%s, 30000)", session).fetchone()
        assert ended == (True,)
        database.commit()
        other.close()

    [fired] = fire_due(database)

    assert fired.schedule_id == schedule
    assert len(runs_of(database)) == 1


def test_a_stale_claim_fires_nothing(database: Connection, tenant: UUID, workflow: UUID) -> None:
    add_schedule(database, tenant, workflow)
    make_due(database)
    [claimed] = schedules.claim_due(database)
    fire_due(database)

    values = schedules.FireValues(
        schedule_id=claimed.id,
        tenant_id=tenant,
        due_at=claimed.next_run_at,
        next_run_at=claimed.claimed_at + timedelta(days=1),
    )

    assert schedules.fire(database, [values]) == []
    assert len(runs_of(database)) == 1


def test_a_schedule_without_a_next_time_is_paused_and_stops_no_other(
    database: Connection, tenant: UUID, workflow: UUID
) -> None:
    broken = [add_schedule(database, tenant, workflow) for _ in range(2)]
    sound = add_schedule(database, tenant, workflow)
    for column, value, schedule in (
        ("cron_expression", "0 0 30 2 *", broken[0]),
        ("timezone", "Mars/Olympus", broken[1]),
    ):
        query = f"update schedules set {column} = %s where id = %s"
        database.execute(query.encode(), [value, schedule])
    make_due(database)

    done = fire_due(database)

    stopped = {one.schedule_id: type(one.error) for one in done if isinstance(one, PausedSchedule)}
    assert stopped == {broken[0]: BadCronExpression, broken[1]: UnknownTimeZone}
    assert [one.schedule_id for one in done if isinstance(one, FiredSchedule)] == [sound]
    assert [read(database, tenant, one).status for one in broken] == ["paused", "paused"]


def test_a_worker_fires_until_it_is_told_to_stop(database: Connection) -> None:
    tenant = add_tenant(database)
    draft = Draft(database, tenant)
    draft.publish()
    stop = threading.Event()
    with another(database) as worker, ThreadPoolExecutor(1) as pool:
        worker.autocommit = True
        counting = pool.submit(work, worker, stop=stop, pause=0.01, max_schedules=2)
        for _ in range(5):
            add_schedule(database, tenant, draft.id)
        make_due(database)
        wait_for_runs(database, 5)
        stop.set()

        assert counting.result(30) == 5


def wait_for_runs(database: Connection, number: int) -> None:
    with another(database) as watcher:
        watcher.autocommit = True
        while len(runs_of(watcher)) < number:
            watcher.execute("select pg_sleep(0.01)")
