"""A run goes from request to result, once, and never more at once than its tenant allows."""

from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.types.json import Json

from dbkit.systems.ai_orchestration import runs, workflows
from tests.systems.ai_orchestration.drafts import (
    Draft,
    add_published,
    add_tenant,
    add_user,
    at_once,
)
from tests.systems.ai_orchestration.running import ENDS, Running, ask, begin


@pytest.fixture
def tenant(database: Connection) -> UUID:
    """A tenant whose workflows run."""
    return add_tenant(database)


@pytest.fixture
def draft(database: Connection, tenant: UUID) -> Draft:
    """An empty draft of the tenant's."""
    return Draft(database, tenant)


@pytest.fixture
def published(draft: Draft) -> Draft:
    """A workflow of which version 2 is published."""
    draft.publish()
    return draft


def test_a_published_version_is_run(published: Draft) -> None:
    user = add_user(published.database, published.tenant)

    run = runs.add(
        published.database,
        **published.key,
        workflow_version=None,
        input={"day": 1},
        triggered_by_user=user,
    )

    assert run
    found = Running(published, run).read()
    assert (found.workflow_version, found.status, found.mode) == (2, "pending", "production")
    assert (found.triggered_by, found.triggered_by_user) == ("manual", user)
    assert (found.input, found.started_at, found.completed_at) == ({"day": 1}, None, None)


def test_an_older_version_is_still_run(published: Draft) -> None:
    published.publish()

    run = ask(published, 2)

    assert run
    assert Running(published, run).read().workflow_version == 2


@pytest.mark.parametrize(
    ("version", "mode", "is_run"),
    [
        (None, "production", False),
        (1, "production", False),
        (2, "production", False),
        (None, "test", True),
        (1, "test", True),
        (2, "test", False),
    ],
)
def test_a_draft_is_run_for_a_test_alone(
    draft: Draft, version: int | None, mode: str, *, is_run: bool
) -> None:
    assert (ask(draft, version, mode) is not None) is is_run


def test_a_removed_workflow_and_another_tenants_are_not_run(published: Draft) -> None:
    stranger = add_tenant(published.database)
    by_stranger = ask_for(published.database, stranger, published.id)
    workflows.remove(published.database, **published.key)

    assert (by_stranger, ask(published)) == (None, None)


def test_a_run_is_claimed_and_completed(published: Draft) -> None:
    running = begin(published)
    started = running.read()

    assert runs.complete(running.database, **running.key, output={"pages": 3}) == 1

    ended = running.read()
    assert (started.status, started.completed_at) == ("running", None)
    assert (ended.status, ended.output, ended.error) == ("completed", {"pages": 3}, None)
    assert ended.started_at
    assert ended.completed_at
    assert ended.created_at <= ended.started_at <= ended.completed_at


def test_a_run_fails_with_its_error(published: Draft) -> None:
    running = begin(published)

    assert runs.fail(running.database, **running.key, error="out of paper") == 1

    ended = running.read()
    assert (ended.status, ended.error, ended.output) == ("failed", "out of paper", None)
    assert ended.completed_at


def test_a_run_is_cancelled_before_it_starts_or_while_it_runs(published: Draft) -> None:
    waiting = ask(published)
    assert waiting
    running = begin(published)

    for run in (waiting, running.key["run_id"]):
        assert runs.cancel(published.database, tenant_id=published.tenant, run_id=run) == 1

    found = Running(published, waiting).read()
    assert (found.status, found.started_at, found.completed_at is None) == (
        "cancelled",
        None,
        False,
    )
    assert runs.claim(published.database, tenant_id=published.tenant) is None


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_a_run_ends_once(published: Draft, first: str, second: str) -> None:
    running = begin(published)
    ENDS[first](running)
    ended = running.read()

    assert ENDS[second](running) == 0
    assert runs.claim(running.database, **running.key) is None

    assert running.read() == ended


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_a_run_that_has_not_started_neither_completes_nor_fails(published: Draft, end: str) -> None:
    run = ask(published)
    assert run

    assert ENDS[end](Running(published, run)) == 0


@pytest.mark.parametrize("end", ENDS)
def test_a_stranger_ends_no_run(published: Draft, end: str) -> None:
    running = begin(published)
    before = running.read()
    running.key["tenant_id"] = add_tenant(published.database)

    assert ENDS[end](running) == 0
    assert runs.find_with_everything(running.database, **running.key) is None

    running.key["tenant_id"] = published.tenant
    assert running.read() == before


def test_the_oldest_run_is_claimed_first(published: Draft) -> None:
    wanted: list[UUID | None] = []
    for _ in range(3):
        wanted.append(ask(published))
        published.database.commit()

    claimed = [runs.claim(published.database, tenant_id=published.tenant) for _ in range(4)]

    assert claimed == [*wanted, None]


def test_no_two_workers_claim_the_same_run(published: Draft) -> None:
    wanted = {ask(published) for _ in range(24)}

    def claim(connection: Connection) -> list[UUID]:
        claimed: list[UUID] = []
        while run := runs.claim(connection, tenant_id=published.tenant):
            connection.commit()
            claimed.append(run)
        return claimed

    claimed = [run for one in at_once(published.database, 8, claim) for run in one]

    assert sorted(claimed) == sorted(run for run in wanted if run)


def test_no_more_runs_of_a_tenant_run_at_once_than_it_allows(published: Draft) -> None:
    settings = Json({"max_concurrent_runs": 3})
    published.database.execute(
        "update tenants set settings = %s where id = %s", [settings, published.tenant]
    )
    for _ in range(16):
        ask(published)

    claimed = at_once(
        published.database, 8, lambda worker: runs.claim(worker, tenant_id=published.tenant)
    )

    assert len([run for run in claimed if run]) == 3


def test_another_run_starts_when_one_has_ended(published: Draft) -> None:
    settings = Json({"max_concurrent_runs": 1})
    published.database.execute("update tenants set settings = %s", [settings])
    first, second = ask(published), ask(published)
    running = runs.claim(published.database, tenant_id=published.tenant)
    assert running
    full = runs.claim(published.database, tenant_id=published.tenant)

    runs.cancel(published.database, tenant_id=published.tenant, run_id=running)

    assert full is None
    assert runs.claim(published.database, tenant_id=published.tenant) in {first, second} - {running}


def test_runs_are_listed_by_what_is_asked_for(published: Draft) -> None:
    database, tenant = published.database, published.tenant
    other = add_published(database, tenant)
    first = begin(published).key["run_id"]
    database.commit()
    second = ask(published)
    database.commit()
    elsewhere = ask_for(database, tenant, other)

    listed = runs.list_for_tenant(database, tenant_id=tenant)
    by_start = runs.list_for_tenant(database, tenant_id=tenant, sort="started_at", max_runs=1)
    of_one = runs.list_for_tenant(database, tenant_id=tenant, workflow_id=other)
    waiting = runs.list_for_tenant(database, tenant_id=tenant, status="pending", skipped=1)

    assert [run.id for run in listed] == [elsewhere, second, first]
    assert [run.id for run in by_start] == [first]
    assert [run.id for run in of_one] == [elsewhere]
    assert [run.id for run in waiting] == [second]
    assert runs.list_for_tenant(database, tenant_id=add_tenant(database)) == []


def ask_for(database: Connection, tenant: UUID, workflow: UUID) -> UUID | None:
    return runs.add(
        database,
        tenant_id=tenant,
        workflow_id=workflow,
        workflow_version=None,
        input=None,
        triggered_by_user=None,
    )
