"""A run records the attempts at its steps and the passes of its loops, each once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from dbkit.systems.ai_orchestration import block_group_runs, runs, step_runs
from tests.systems.ai_orchestration.drafts import (
    Draft,
    TenantKey,
    add_tenant,
    another,
    at_once,
    wait_until_blocked,
)
from tests.systems.ai_orchestration.running import ENDS, Running, begin


@pytest.fixture
def tenant(database: Connection) -> UUID:
    """A tenant whose workflows run."""
    return add_tenant(database)


@pytest.fixture
def draft(database: Connection, tenant: UUID) -> Draft:
    """An empty draft of the tenant's."""
    return Draft(database, tenant)


def test_a_step_is_tried_again_after_it_failed(draft: Draft) -> None:
    step = draft.step("fetch")
    draft.publish()
    running = begin(draft)

    first = running.step(step)
    assert first
    while_pending = running.step(step)
    running.fail(first.id)
    second = running.step(step)
    assert second
    running.complete(second.id)

    assert (first.attempt, while_pending, second.attempt) == (1, None, 2)
    assert running.step(step) is None
    found = running.read().step_runs
    assert [(one.attempt, one.status, one.error, one.output) for one in found] == [
        (1, "failed", "no", None),
        (2, "completed", None, 1),
    ]
    assert {one.step_name for one in found} == {"fetch"}


def test_an_attempt_begun_by_many_workers_is_one(draft: Draft) -> None:
    step = draft.step("fetch")
    draft.publish()
    running = begin(draft)

    begun = at_once(draft.database, 8, lambda worker: attempt(worker, running, step))

    assert [one.attempt for one in begun if one] == [1]


def attempt(connection: Connection, running: Running, step: UUID) -> step_runs.AddRow | None:
    return step_runs.add(
        connection, **running.key, step_id=step, block_group_run_id=None, input=None
    )


def test_a_step_run_tells_how_long_it_took(draft: Draft) -> None:
    step = draft.step("fetch")
    draft.publish()
    running = begin(draft)
    added = running.step(step)
    assert added
    step_runs.start(running.database, **running.tenant, step_run_id=added.id)
    running.database.execute("update step_runs set started_at = started_at - interval '90 s'")

    step_runs.complete(running.database, **running.tenant, step_run_id=added.id, output=None)

    [found] = running.read().step_runs
    assert found.duration_ms
    assert 90_000 <= found.duration_ms < 120_000
    assert found.started_at
    assert found.completed_at
    took = (found.completed_at - found.started_at) / timedelta(milliseconds=1)
    assert abs(took - found.duration_ms) < 1000


def test_a_step_keeps_the_name_that_its_version_has(draft: Draft) -> None:
    step = draft.step("fetch")
    draft.publish()
    draft.database.execute("update steps set name = 'renamed'")
    production, test = begin(draft), begin(draft, "test")

    for running in (production, test):
        running.step(step)

    names = [running.read().step_runs[0].step_name for running in (production, test)]
    assert names == ["fetch", "renamed"]


def test_a_run_begins_only_steps_of_its_version(draft: Draft) -> None:
    draft.publish()
    later = draft.step("added later")
    elsewhere = Draft(draft.database, draft.tenant).step("not of it")
    production, test = begin(draft), begin(draft, "test")

    assert [production.step(step) for step in (later, elsewhere, uuid4())] == [None, None, None]
    assert test.step(later)
    assert test.step(elsewhere) is None


@pytest.mark.parametrize("end", ENDS)
def test_no_step_begins_in_a_run_that_has_ended(draft: Draft, end: str) -> None:
    step = draft.step("fetch")
    waits = draft.step("waits")
    group = draft.group("each")
    draft.publish()
    running = begin(draft)
    pending = running.step(waits)
    assert pending
    ENDS[end](running)

    assert running.step(step) is None
    assert step_runs.start(running.database, **running.tenant, step_run_id=pending.id) == 0
    assert running.passes(group, 0) == []


def test_a_step_that_would_begin_during_a_cancellation_does_not(draft: Draft) -> None:
    step = draft.step("fetch")
    draft.publish()
    running = begin(draft)
    with another(draft.database) as worker, another(draft.database) as watcher:
        runs.cancel(running.database, **running.key)
        with ThreadPoolExecutor(1) as pool:
            begun = pool.submit(lambda: attempt(worker, running, step))
            wait_until_blocked(watcher)
            running.database.commit()

            assert begun.result(30) is None


def test_a_run_shows_passes_of_nested_loops_with_their_attempts(draft: Draft) -> None:
    outer = draft.group("pages")
    inner = draft.group("lines", outer)
    begins, reads = draft.step("begin"), draft.step("read", inner, "body")
    draft.publish()
    running = begin(draft)
    running.step(begins)

    pages = running.passes(outer, 0, 1)
    lines = [running.passes(inner, 0, 1, inside=page) for page in pages]
    failed = running.step(reads, lines[1][0])
    assert failed
    running.fail(failed.id)
    for line in (lines[0][0], lines[1][0]):
        assert running.step(reads, line)

    found = running.read()
    assert [one.step_name for one in found.step_runs] == ["begin"]
    assert [(one.id, one.parent_run_id, one.iteration) for one in found.block_group_runs] == [
        (pages[0], None, 0),
        (pages[1], None, 1),
        (lines[0][0], pages[0], 0),
        (lines[0][1], pages[0], 1),
        (lines[1][0], pages[1], 0),
        (lines[1][1], pages[1], 1),
    ]
    assert {one.name for one in found.block_group_runs} == {"pages", "lines"}
    attempts = {one.id: [step.attempt for step in one.step_runs] for one in found.block_group_runs}
    assert {key: value for key, value in attempts.items() if value} == {
        lines[0][0]: [1],
        lines[1][0]: [1, 2],
    }


def test_a_pass_begins_once(draft: Draft) -> None:
    group = draft.group("each")
    draft.publish()
    running = begin(draft)
    running.passes(group, 0)

    assert running.passes(group, 0) == []
    assert len(running.passes(group, 0, 1)) == 1

    assert [one.iteration for one in running.read().block_group_runs] == [0, 1]


def test_passes_begun_by_many_workers_are_there_once(draft: Draft) -> None:
    group = draft.group("each")
    draft.publish()
    running = begin(draft)

    def add(connection: Connection) -> int:
        sets = [
            block_group_runs.AddValues(
                **running.key, block_group_id=group, parent_run_id=None, input=None, iteration=one
            )
            for one in range(5)
        ]
        return len(block_group_runs.add(connection, sets))

    assert sum(at_once(draft.database, 6, add)) == 5


def test_a_pass_stands_only_in_a_pass_of_the_group_around_it(draft: Draft) -> None:
    outer, other = draft.group("outer"), draft.group("other")
    inner = draft.group("inner", outer)
    draft.publish()
    running, elsewhere = begin(draft), begin(draft)
    [right], [wrong] = running.passes(outer, 0), running.passes(other, 0)
    [foreign] = elsewhere.passes(outer, 0)

    assert running.passes(inner, 0, inside=wrong) == []
    assert running.passes(inner, 0, inside=foreign) == []
    assert len(running.passes(inner, 0, inside=right)) == 1


def test_a_step_does_not_stand_in_a_pass_of_another_run(draft: Draft) -> None:
    group = draft.group("each")
    step = draft.step("fetch", group)
    draft.publish()
    running, elsewhere = begin(draft), begin(draft)
    [foreign] = elsewhere.passes(group, 0)

    assert running.step(step, foreign) is None


def test_a_pass_runs_and_completes_fails_or_is_skipped(draft: Draft) -> None:
    group = draft.group("each")
    draft.publish()
    running = begin(draft)
    done, failed, skipped = running.passes(group, 0, 1, 2)
    database, tenant = running.database, running.tenant

    for one in (done, failed):
        assert block_group_runs.start(database, **tenant, block_group_run_id=one) == 1
    block_group_runs.complete(database, **tenant, block_group_run_id=done, output=[1])
    block_group_runs.fail(database, **tenant, block_group_run_id=failed, error="no")
    block_group_runs.skip(database, **tenant, block_group_run_id=skipped)

    found = running.read().block_group_runs
    assert [(one.status, one.output, one.error) for one in found] == [
        ("completed", [1], None),
        ("failed", None, "no"),
        ("skipped", None, None),
    ]
    assert [one.started_at is not None for one in found] == [True, True, False]
    assert all(one.completed_at for one in found)
    for one in (done, failed, skipped):
        assert block_group_runs.start(database, **tenant, block_group_run_id=one) == 0
        assert block_group_runs.skip(database, **tenant, block_group_run_id=one) == 0


class StepRunKey(TenantKey):
    """Which step run."""

    step_run_id: UUID


class PassKey(TenantKey):
    """Which pass through a group."""

    block_group_run_id: UUID


def test_a_stranger_touches_neither_steps_nor_passes(draft: Draft) -> None:
    group = draft.group("each")
    step = draft.step("fetch", group)
    draft.publish()
    running = begin(draft)
    [one] = running.passes(group, 0)
    added = running.step(step, one)
    assert added
    before = running.read()
    worker = running.database
    step_run: StepRunKey = {"tenant_id": add_tenant(worker), "step_run_id": added.id}
    one_pass: PassKey = {"tenant_id": step_run["tenant_id"], "block_group_run_id": one}

    touched = [
        step_runs.start(worker, **step_run),
        step_runs.complete(worker, **step_run, output=None),
        step_runs.fail(worker, **step_run, error="no"),
        block_group_runs.start(worker, **one_pass),
        block_group_runs.complete(worker, **one_pass, output=None),
        block_group_runs.fail(worker, **one_pass, error="no"),
        block_group_runs.skip(worker, **one_pass),
    ]

    assert touched == [0] * 7
    assert running.read() == before


def test_a_group_that_left_the_draft_takes_its_passes_along_and_leaves_the_steps(
    draft: Draft,
) -> None:
    group = draft.group("each")
    step = draft.step("fetch", group)
    draft.publish()
    running = begin(draft)
    [one] = running.passes(group, 0)
    running.step(step, one)

    draft.database.execute("delete from block_groups where id = %s", [group])

    found = running.read()
    assert (found.block_group_runs, [kept.step_id for kept in found.step_runs]) == ([], [step])
    assert running.passes(group, 1) == []


def test_step_runs_of_a_period_are_read_as_they_come(draft: Draft) -> None:
    step = draft.step("fetch")
    draft.publish()
    for _ in range(3):
        begin(draft).step(step)
    now = datetime.now(UTC)
    hour = timedelta(hours=1)

    def read(tenant: UUID, since: datetime, until: datetime) -> list[str]:
        with step_runs.list_for_period(
            draft.database, tenant_id=tenant, since=since, until=until, portion=2
        ) as stream:
            return [one.step_name for one in stream]

    assert read(draft.tenant, now - hour, now + hour) == ["fetch"] * 3
    assert read(draft.tenant, now + hour, now + hour) == []
    assert read(add_tenant(draft.database), now - hour, now + hour) == []
