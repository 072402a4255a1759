"""The documented queries of ai_orchestration on a few rows of two tenants."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors
from psycopg.types.json import Json

from tests.queries_by_name import Queries, add

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def queries(database: Connection) -> Queries:
    return Queries("ai_orchestration", database)


@pytest.fixture
def tenant(database: Connection) -> UUID:
    """A tenant whose rows are asked for."""
    tenant_id: UUID = add(database, "tenants", name="Acme", slug="acme")
    return tenant_id


@pytest.fixture
def stranger(database: Connection) -> UUID:
    """A tenant whose rows are nobody else's business."""
    tenant_id: UUID = add(database, "tenants", name="Other", slug="other")
    return tenant_id


def add_workflow(database: Connection, tenant: UUID, name: str = "w", **values: object) -> UUID:
    workflow_id: UUID = add(database, "workflows", tenant_id=tenant, name=name, **values)
    return workflow_id


def add_step(database: Connection, workflow: UUID, name: str, at: datetime) -> UUID:
    step_id: UUID = add(
        database, "steps", workflow_id=workflow, name=name, type="llm", created_at=at
    )
    return step_id


def add_run(database: Connection, tenant: UUID, **values: object) -> UUID:
    workflow = add_workflow(database, tenant)
    row = {"tenant_id": tenant, "workflow_id": workflow, "workflow_version": 1, **values}
    run_id: UUID = add(database, "runs", **row)
    return run_id


def add_schedule(database: Connection, tenant: UUID, name: str, **values: object) -> None:
    workflow = add_workflow(database, tenant)
    row = {"tenant_id": tenant, "workflow_id": workflow, "cron_expression": "* * * * *", **values}
    add(database, "schedules", name=name, **row)


def test_workflows_are_one_tenants_last_changed_first(
    database: Connection, queries: Queries, tenant: UUID, stranger: UUID
) -> None:
    add_workflow(database, tenant, "old", updated_at=NOON)
    add_workflow(database, tenant, "new", updated_at=NOON + timedelta(1))
    add_workflow(database, tenant, "removed", deleted_at=NOON)
    add_workflow(database, stranger, "hidden")

    workflows = queries("workflows.list_for_tenant", tenant_id=tenant)

    assert [workflow.name for workflow in workflows] == ["new", "old"]


def test_pages_of_workflows_neither_overlap_nor_leave_one_out(
    database: Connection, queries: Queries, tenant: UUID
) -> None:
    added = {add_workflow(database, tenant, updated_at=NOON) for _ in range(5)}

    pages = [
        queries("workflows.list_for_tenant", tenant_id=tenant, max_workflows=2, skipped=skipped)
        for skipped in (0, 2, 4)
    ]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert {workflow.id for page in pages for workflow in page} == added


def test_a_workflow_is_found_by_its_own_tenant_alone(
    database: Connection, queries: Queries, tenant: UUID, stranger: UUID
) -> None:
    workflow = add_workflow(database, tenant, "mine", input_schema=Json({"type": "object"}))

    found = queries("workflows.find", workflow_id=workflow, tenant_id=tenant)

    assert (found.name, found.version, found.input_schema) == ("mine", 1, {"type": "object"})
    for query in ("workflows.find", "workflows.find_with_steps_and_edges"):
        assert queries(query, workflow_id=workflow, tenant_id=stranger) is None


def test_a_workflow_comes_with_its_own_steps_and_edges(
    database: Connection, queries: Queries, tenant: UUID
) -> None:
    workflow, other = add_workflow(database, tenant), add_workflow(database, tenant)
    second = add_step(database, workflow, "second", NOON + timedelta(seconds=1))
    first = add_step(database, workflow, "first", NOON)
    add_step(database, other, "not of it", NOON)
    ends = {"source_step_id": first, "target_step_id": second}
    add(database, "edges", workflow_id=workflow, condition="ok", **ends)

    found = queries("workflows.find_with_steps_and_edges", workflow_id=workflow, tenant_id=tenant)

    assert [(step.id, step.name) for step in found.steps] == [(first, "first"), (second, "second")]
    assert found.steps[0].created_at == NOON
    assert asdict(found.edges[0]).items() >= {"condition": "ok", **ends}.items()
    assert len(found.edges) == 1


def test_an_empty_workflow_has_empty_lists(
    database: Connection, queries: Queries, tenant: UUID
) -> None:
    workflow = add_workflow(database, tenant)

    found = queries("workflows.find_with_steps_and_edges", workflow_id=workflow, tenant_id=tenant)

    assert (found.steps, found.edges) == ([], [])


def test_a_removed_workflow_is_hidden_until_it_is_restored(
    database: Connection, queries: Queries, tenant: UUID
) -> None:
    workflow = {"workflow_id": add_workflow(database, tenant), "tenant_id": tenant}

    assert queries("workflows.remove", **workflow) == 1

    assert queries("workflows.find", **workflow) is None
    assert queries("workflows.find_with_steps_and_edges", **workflow) is None
    assert queries("workflows.remove", **workflow) == 0

    assert queries("workflows.restore", **workflow) == 1

    assert queries("workflows.find", **workflow).id == workflow["workflow_id"]
    assert queries("workflows.restore", **workflow) == 0


def test_another_tenant_can_neither_remove_nor_restore_a_workflow(
    database: Connection, queries: Queries, tenant: UUID, stranger: UUID
) -> None:
    kept, removed = (add_workflow(database, tenant, deleted_at=at) for at in (None, NOON))

    assert queries("workflows.remove", workflow_id=kept, tenant_id=stranger) == 0
    assert queries("workflows.restore", workflow_id=removed, tenant_id=stranger) == 0
    assert queries("workflows.remove_for_good", workflow_id=kept, tenant_id=stranger) == 0


def test_a_workflow_removed_for_good_takes_its_steps_along(
    database: Connection, queries: Queries, tenant: UUID
) -> None:
    workflow, other = add_workflow(database, tenant), add_workflow(database, tenant)
    for owner in (workflow, other):
        add_step(database, owner, "step", NOON)

    assert queries("workflows.remove_for_good", workflow_id=workflow, tenant_id=tenant) == 1

    assert database.execute("select id from workflows").fetchall() == [(other,)]
    assert database.execute("select workflow_id from steps").fetchall() == [(other,)]


def test_a_workflow_that_ran_is_not_removed_for_good(
    database: Connection, queries: Queries, tenant: UUID
) -> None:
    run = add_run(database, tenant)
    row = database.execute("select workflow_id from runs where id = %s", [run]).fetchone()
    assert row

    with pytest.raises(errors.ForeignKeyViolation):
        queries("workflows.remove_for_good", workflow_id=row[0], tenant_id=tenant)


def test_a_run_comes_with_its_own_step_runs(
    database: Connection, queries: Queries, tenant: UUID
) -> None:
    run, other = add_run(database, tenant), add_run(database, tenant)
    step = uuid4()
    for owner, name, at in (
        (run, "second", NOON + timedelta(seconds=1)),
        (run, "first", NOON),
        (other, "not of it", NOON),
    ):
        add(database, "step_runs", run_id=owner, step_id=step, step_name=name, created_at=at)

    found = queries("runs.find_with_step_runs", run_id=run, tenant_id=tenant)

    assert [one.step_name for one in found.step_runs] == ["first", "second"]
    assert (found.step_runs[0].step_id, found.step_runs[0].created_at) == (step, NOON)
    assert found.step_runs[0].output is None


def test_a_run_without_step_runs_has_an_empty_list(
    database: Connection, queries: Queries, tenant: UUID
) -> None:
    run = add_run(database, tenant)

    assert queries("runs.find_with_step_runs", run_id=run, tenant_id=tenant).step_runs == []


def test_a_run_of_another_tenant_is_not_found(
    database: Connection, queries: Queries, tenant: UUID, stranger: UUID
) -> None:
    run = add_run(database, tenant)

    assert queries("runs.find_with_step_runs", run_id=run, tenant_id=stranger) is None


def test_runs_are_counted_by_status_from_an_instant_on(
    database: Connection, queries: Queries, tenant: UUID, stranger: UUID
) -> None:
    add_run(database, tenant, status="failed", created_at=NOON)
    add_run(database, tenant, status="pending", created_at=NOON)
    add_run(database, tenant, status="failed", created_at=NOON + timedelta(1))
    add_run(database, tenant, status="failed", created_at=NOON - timedelta(seconds=1))
    add_run(database, stranger, status="failed", created_at=NOON)

    counts = queries("runs.count_by_status", tenant_id=tenant, since=NOON)

    assert counts == [("failed", 2), ("pending", 1)]


def test_a_schedule_is_due_if_it_is_active_and_its_time_has_come(
    database: Connection, queries: Queries, tenant: UUID, stranger: UUID
) -> None:
    now = datetime.now(UTC)
    past = now - timedelta(minutes=1)
    add_schedule(database, tenant, "overdue", next_run_at=past)
    add_schedule(database, tenant, "long overdue", next_run_at=past - timedelta(days=1))
    add_schedule(database, tenant, "later", next_run_at=now + timedelta(hours=1))
    add_schedule(database, tenant, "never")
    add_schedule(database, tenant, "paused", next_run_at=past, status="paused")
    add_schedule(database, tenant, "removed", next_run_at=past, deleted_at=now)
    add_schedule(database, stranger, "hidden", next_run_at=past)

    due = queries("schedules.list_due", tenant_id=tenant)

    assert [schedule.name for schedule in due] == ["long overdue", "overdue"]
