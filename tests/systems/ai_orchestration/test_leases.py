"""Runs, step runs and schedules whose worker died come back, and are given up in the end."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from threading import Event, Thread
from uuid import UUID

import pytest
from psycopg import Connection

from dbkit import STEADY, open_async_database, open_database
from dbkit.pools import AsyncDatabase, Database
from dbkit.systems.ai_orchestration import runs, schedules, step_runs
from dbkit.systems.ai_orchestration.leased_runs import ClaimedRun, work_once, work_once_async
from tests.addresses import url_of
from tests.systems.ai_orchestration.drafts import Draft, add_tenant, another, at_once
from tests.systems.ai_orchestration.processes import killed_at_work, wait_for
from tests.systems.ai_orchestration.running import Running, ask, begin
from tests.systems.ai_orchestration.scheduling import add_schedule, make_due

SHORT = timedelta(milliseconds=600)
RUN_WORKER = """
import sys, time
from datetime import timedelta
from uuid import UUID
from dbkit import open_database
from dbkit.systems.ai_orchestration import step_runs
from dbkit.systems.ai_orchestration.leased_runs import work_once

def execute(database, run):
    with database.transaction() as connection:
        begun = step_runs.add(
            connection, tenant_id=run.tenant_id, run_id=run.id, step_id=UUID(sys.argv[2]),
            block_group_run_id=None, input=None,
        )
        step_runs.start(
            connection, tenant_id=run.tenant_id, step_run_id=begun.id, worker=run.worker,
            lease=run.lease,
        )
    print("begun", flush=True)
    time.sleep(60)

with open_database(sys.argv[1]) as database:
    work_once(database, execute, worker="doomed", lease=timedelta(seconds=0.6))
"""
STEP_WORKER = """
import sys, time
from datetime import timedelta
from uuid import UUID
import psycopg
from dbkit.systems.ai_orchestration import step_runs

tenant, step_run = map(UUID, sys.argv[2:])
with psycopg.connect(sys.argv[1]) as connection:
    assert step_runs.start(
        connection, tenant_id=tenant, step_run_id=step_run, worker="doomed",
        lease=timedelta(seconds=0.6),
    )
    connection.commit()
    print("begun", flush=True)
    time.sleep(60)
"""
SCHEDULER = """
import sys, time
from datetime import timedelta
import psycopg
from dbkit.systems.ai_orchestration import schedules

with psycopg.connect(sys.argv[1]) as connection:
    assert schedules.lease_due(connection, worker="doomed", lease=timedelta(seconds=0.6))
    connection.commit()
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def tenant(database: Connection) -> UUID:
    """A tenant that has one run at a time."""
    return add_tenant(database, settings='{"max_concurrent_runs": 1}')


@pytest.fixture
def draft(database: Connection, tenant: UUID) -> Draft:
    """A workflow of one step, published."""
    draft = Draft(database, tenant)
    draft.step("fetch")
    draft.publish()
    return draft


@pytest.fixture
def step(draft: Draft) -> UUID:
    """The one step of the workflow."""
    row = draft.database.execute("select id from steps").fetchone()
    assert row
    found: UUID = row[0]
    return found


@pytest.fixture
def pool(database: Connection) -> Iterator[Database]:
    """Connections to the test's database."""
    with open_database(url_of(database), STEADY) as opened:
        yield opened


def run_out(database: Connection) -> None:
    for table in ("runs", "step_runs", "schedules"):
        database.execute(
            f"update {table} set leased_until = now() - interval '1 second'"
            " where leased_until is not null".encode()
        )
    database.commit()


def state(database: Connection, run: UUID) -> tuple[object, ...]:
    database.rollback()
    [row] = database.execute(
        "select status, worker, attempts, error from runs where id = %s", [run]
    ).fetchall()
    return tuple(row)


def done(_: Database, run: ClaimedRun) -> int:
    return run.attempt


def test_the_run_of_a_killed_worker_is_listed_and_done_by_another(
    database: Connection, pool: Database, draft: Draft, step: UUID
) -> None:
    run = ask(draft)
    assert run
    database.commit()

    killed_at_work(RUN_WORKER, url_of(database), str(step))
    left = state(database, run)
    wait_for(
        database,
        "the end of its lease",
        lambda: step_runs.list_stalled(database, tenant_id=draft.tenant),
    )
    [stalled] = runs.list_stalled(database, tenant_id=draft.tenant)
    [among_all] = runs.list_all_stalled(database)
    [stalled_step] = step_runs.list_stalled(database, tenant_id=draft.tenant)
    database.commit()
    outcome = work_once(pool, done, worker="second")

    assert left == ("running", "doomed", 1, None)
    assert (stalled.id, stalled.worker, stalled.attempts) == (run, "doomed", 1)
    assert among_all == stalled
    assert (stalled_step.step_id, stalled_step.worker) == (step, "doomed")
    assert outcome == "completed"
    assert state(database, run) == ("completed", "second", 2, None)
    assert database.execute("select status, error from step_runs").fetchall() == [
        ("failed", "its worker was lost")
    ]


def test_a_dead_run_does_not_fill_what_a_tenant_may_run(
    database: Connection, pool: Database, draft: Draft, step: UUID
) -> None:
    first, second = ask(draft), ask(draft)
    assert first
    assert second
    database.commit()
    killed_at_work(RUN_WORKER, url_of(database), str(step))
    full = runs.claim(database, tenant_id=draft.tenant)
    database.commit()

    wait_for(
        database,
        "the end of its lease",
        lambda: runs.list_stalled(database, tenant_id=draft.tenant),
    )
    outcomes = [work_once(pool, done), work_once(pool, done), work_once(pool, done)]

    assert full is None
    assert outcomes == ["completed", "completed", None]


def test_a_run_that_kills_its_workers_is_given_up(
    database: Connection, pool: Database, draft: Draft, step: UUID
) -> None:
    run = ask(draft)
    assert run
    assert runs.claim(database, tenant_id=draft.tenant, worker="first", max_attempts=2) == run
    running = Running(draft, run)
    run_out(database)
    assert runs.claim(database, tenant_id=draft.tenant, worker="second", max_attempts=2) == run
    attempt = running.step(step)
    assert attempt
    step_runs.start(database, **running.tenant, step_run_id=attempt.id, worker="second")
    run_out(database)

    assert work_once(pool, done, max_attempts=2) is None

    text = "given up: its worker was lost in each of 2 attempts"
    assert state(database, run) == ("failed", "second", 2, text)
    assert database.execute("select status from step_runs").fetchall() == [("failed",)]


def test_a_step_of_a_killed_worker_is_tried_again_and_given_up(
    database: Connection, draft: Draft, step: UUID
) -> None:
    running = begin(draft)
    attempts: list[int] = []
    for _ in range(2):
        begun = step_runs.add(
            database, **running.key, step_id=step, block_group_run_id=None, input=None
        )
        assert begun
        attempts.append(begun.attempt)
        database.commit()
        killed_at_work(STEP_WORKER, url_of(database), str(draft.tenant), str(begun.id))
        wait_for(
            database,
            "the end of its lease",
            lambda: step_runs.list_stalled(database, tenant_id=draft.tenant),
        )

    third = step_runs.add(
        database, **running.key, step_id=step, block_group_run_id=None, input=None, max_attempts=2
    )

    assert (attempts, third) == ([1, 2], None)
    assert (
        database.execute("select status, error from step_runs").fetchall()
        == [("failed", "its worker was lost")] * 2
    )


def test_a_schedule_of_a_killed_scheduler_fires_once_all_the_same(
    database: Connection, draft: Draft
) -> None:
    schedule = add_schedule(database, draft.tenant, draft.id)
    make_due(database)

    killed_at_work(SCHEDULER, url_of(database))
    taken = schedules.lease_due(database, worker="second")
    at_once_too = schedules.claim_due(database)
    wait_for(
        database,
        "the end of its lease",
        lambda: schedules.list_stalled(database, tenant_id=draft.tenant),
    )
    [stalled] = schedules.list_stalled(database, tenant_id=draft.tenant)
    [again] = schedules.lease_due(database, worker="second")

    assert (taken, at_once_too) == ([], [])
    assert (stalled.id, stalled.worker, stalled.attempts) == (schedule, "doomed", 1)
    assert (again.id, again.attempt) == (schedule, 2)
    values = schedules.FireValues(
        schedule_id=again.id,
        tenant_id=again.tenant_id,
        due_at=again.next_run_at,
        next_run_at=again.next_run_at + timedelta(hours=1),
    )
    assert len(schedules.fire(database, [values, values])) == 1
    assert database.execute("select worker, leased_until, attempts from schedules").fetchall() == [
        (None, None, 0)
    ]


def test_a_schedule_that_kills_its_schedulers_is_paused(database: Connection, draft: Draft) -> None:
    add_schedule(database, draft.tenant, draft.id)
    make_due(database)
    for _ in range(2):
        assert schedules.lease_due(database, worker="doomed", max_attempts=2)
        run_out(database)

    assert schedules.lease_due(database, worker="third", max_attempts=2) == []

    assert database.execute("select status, next_run_at from schedules").fetchall() == [
        ("paused", None)
    ]
    [entry] = database.execute(
        "select metadata from audit_logs where resource_type = 'schedule' and action = 'update'"
    ).fetchall()
    assert entry == ({"status": "paused", "given_up_after": 2},)


def test_a_heartbeat_keeps_a_run_and_its_step_from_the_others(
    database: Connection, pool: Database, draft: Draft, step: UUID
) -> None:
    run = ask(draft)
    assert run
    database.commit()
    seen: list[object] = []

    def execute(lent: Database, claimed: ClaimedRun) -> None:
        with lent.transaction() as connection:
            begun = step_runs.add(
                connection,
                tenant_id=claimed.tenant_id,
                run_id=claimed.id,
                step_id=step,
                block_group_run_id=None,
                input=None,
            )
            assert begun
            step_runs.start(
                connection,
                tenant_id=claimed.tenant_id,
                step_run_id=begun.id,
                worker=claimed.worker,
                lease=claimed.lease,
            )
        Event().wait(SHORT.total_seconds() * 3)
        with lent.transaction() as connection:
            seen.extend(runs.list_all_stalled(connection))
            seen.extend(step_runs.list_stalled(connection, tenant_id=claimed.tenant_id))
            seen.append(runs.claim(connection, tenant_id=claimed.tenant_id))

    assert work_once(pool, execute, worker="first", lease=SHORT) == "completed"
    assert seen == [None]


def test_a_worker_that_lost_its_lease_writes_nothing(
    database: Connection, pool: Database, draft: Draft
) -> None:
    run = ask(draft)
    assert run
    database.commit()

    def execute(_: Database, claimed: ClaimedRun) -> str:
        run_out(database)
        assert runs.claim(database, tenant_id=claimed.tenant_id, worker="second") == run
        database.commit()
        return "too late"

    assert work_once(pool, execute, worker="first") == "lost"
    assert state(database, run) == ("running", "second", 2, None)


def test_a_run_that_fails_tells_why_and_one_that_is_stopped_is_given_back(
    database: Connection, pool: Database, draft: Draft
) -> None:
    first = ask(draft)
    database.commit()
    second = ask(draft)
    assert first
    assert second
    database.commit()
    stop = Event()

    def fail(_: Database, __: ClaimedRun) -> None:
        message = "no \0 network"
        raise ValueError(message)

    def give_back(_: Database, claimed: ClaimedRun) -> None:
        stop.set()
        claimed.go_on()

    outcomes = [work_once(pool, fail, worker="w"), work_once(pool, give_back, stop=stop)]

    assert outcomes == ["failed", "released"]
    assert state(database, first) == ("failed", "w", 1, "ValueError: no \\0 network")
    assert state(database, second) == ("pending", None, 0, None)


def test_a_worker_in_an_event_loop_does_the_same(database: Connection, draft: Draft) -> None:
    asked: list[UUID | None] = []
    for _ in range(3):
        asked.append(ask(draft))
        database.commit()

    async def complete(_: AsyncDatabase, claimed: ClaimedRun) -> int:
        await asyncio.sleep(SHORT.total_seconds() * 2)
        return claimed.attempt

    async def fail(_: AsyncDatabase, __: ClaimedRun) -> None:
        raise ValueError("no")

    async def stopped(_: AsyncDatabase, claimed: ClaimedRun) -> None:
        claimed.stop.set()
        claimed.go_on()

    async def work() -> list[object]:
        async with open_async_database(url_of(database), STEADY) as lent:
            return [
                await work_once_async(lent, execute, worker="loop", lease=SHORT)
                for execute in (complete, fail, stopped)
            ]

    assert asyncio.run(work()) == ["completed", "failed", "released"]
    assert [state(database, run)[0] for run in asked if run] == ["completed", "failed", "pending"]


def test_a_program_that_knows_no_leases_gets_one_of_an_hour(
    database: Connection, draft: Draft
) -> None:
    run = ask(draft)

    database.execute("update runs set status = 'running' where id = %s", [run])
    lasting = database.execute("select leased_until - now() from runs").fetchall()
    database.execute("update runs set status = 'completed' where id = %s", [run])

    assert timedelta(minutes=59) < lasting[0][0] < timedelta(minutes=61)
    assert database.execute("select leased_until from runs").fetchall() == [(None,)]


def test_tenants_take_turns_however_much_one_of_them_asks_for(
    database: Connection, pool: Database, draft: Draft
) -> None:
    other = Draft(database, add_tenant(database))
    other.publish()
    for asking in [draft] * 6 + [other] * 2:
        assert ask(asking)
        database.commit()
    served: list[UUID] = []

    def note(_: Database, claimed: ClaimedRun) -> None:
        served.append(claimed.tenant_id)

    while work_once(pool, note):
        pass

    assert {*served[:2]} == {*served[2:4]} == {draft.tenant, other.tenant}
    assert served[4:] == [draft.tenant] * 4


def test_workers_over_all_tenants_keep_to_the_limit_of_each(
    database: Connection, draft: Draft
) -> None:
    two = Draft(database, add_tenant(database, settings='{"max_concurrent_runs": 2}'))
    free = Draft(database, add_tenant(database))
    for each in (two, free):
        each.publish()
    for each in (draft, two, free):
        for _ in range(4):
            assert ask(each)
    database.commit()

    def claim(connection: Connection) -> list[UUID]:
        found: list[UUID] = []
        while row := runs.claim_next(connection, worker="w"):
            found.append(row.tenant_id)
            connection.commit()
        return found

    claimed = [tenant for one in at_once(database, 8, claim) for tenant in one]

    assert {tenant: claimed.count(tenant) for tenant in claimed} == {
        draft.tenant: 1,
        two.tenant: 2,
        free.tenant: 4,
    }


def test_a_worker_waits_for_a_tenant_only_if_nobody_else_has_work(
    database: Connection, draft: Draft
) -> None:
    other = Draft(database, add_tenant(database, settings='{"max_concurrent_runs": 1}'))
    other.publish()
    first, second = ask(draft), ask(other)
    database.commit()
    found: list[UUID] = []

    def claim() -> None:
        with another(database) as connection:
            while row := runs.claim_next(connection, worker="w"):
                found.append(row.id)
                connection.commit()

    with another(database) as holding:
        holding.execute("select from tenants where id = %s for no key update", [draft.tenant])
        waiting = Thread(target=claim)
        waiting.start()
        wait_for(database, "the other tenant's turn", lambda: second in found)
        holding.rollback()
        waiting.join(30)

    assert found == [second, first]


def test_one_claim_of_a_worker_takes_no_run_of_a_removed_tenant(
    database: Connection, draft: Draft
) -> None:
    assert ask(draft)
    database.execute("update tenants set deleted_at = now()")

    assert runs.claim_next(database, worker="w") is None
