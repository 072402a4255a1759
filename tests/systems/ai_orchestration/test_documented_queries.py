"""Each query of the document, word for word, gives what ours gives on the same data."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection, RawCursor
from psycopg.rows import dict_row

from dbkit.systems.ai_orchestration import (
    runs,
    schedules,
    step_runs,
    workflows,
)
from tests.systems.ai_orchestration.drafts import Draft, add_tenant, add_workflow
from tests.systems.ai_orchestration.scheduling import add_schedule, make_due

LIST_WORKFLOWS = """
SELECT *
FROM workflows
WHERE tenant_id = $1
  AND deleted_at IS NULL
ORDER BY updated_at DESC
LIMIT $2 OFFSET $3;
"""
WORKFLOW = "SELECT * FROM workflows WHERE id = $1 AND tenant_id = $2;"
STEPS = "SELECT * FROM steps WHERE workflow_id = $1 ORDER BY created_at;"
EDGES = "SELECT * FROM edges WHERE workflow_id = $1;"
RUN_WITH_STEP_RUNS = """
SELECT r.*, json_agg(sr.*) AS step_runs
FROM runs r
LEFT JOIN step_runs sr ON sr.run_id = r.id
WHERE r.id = $1
GROUP BY r.id;
"""
SCHEDULES_DUE = """
SELECT *
FROM schedules
WHERE status = 'active'
  AND next_run_at <= NOW()
ORDER BY next_run_at;
"""
RUNS_BY_STATUS = """
SELECT status, COUNT(*) as count
FROM runs
WHERE tenant_id = $1
  AND created_at >= $2
GROUP BY status;
"""
GET_BY_ID = "SELECT * FROM workflows WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL"
DELETE = "UPDATE workflows SET deleted_at = NOW() WHERE id = $1;"
EXCLUDE_DELETED = "SELECT * FROM workflows WHERE deleted_at IS NULL;"
HARD_DELETE = "DELETE FROM workflows WHERE id = $1;"


@pytest.fixture
def draft(database: Connection) -> Draft:
    """A published workflow with two steps and an edge, beside one of the tenant's and a removed."""
    draft = Draft(database, add_tenant(database))
    database.commit()
    first = draft.step("fetch")
    database.commit()
    draft.edge(first, draft.step("sum up"), "$.output")
    draft.publish()
    database.commit()
    add_workflow(database, draft.tenant, "other")
    removed = add_workflow(database, draft.tenant, "removed")
    workflows.remove(database, tenant_id=draft.tenant, workflow_id=removed)
    database.commit()
    return draft


def documented(
    database: Connection,
    text: str,
    *values: Any,  # noqa: ANN401 - any value
) -> list[dict[str, Any]]:
    return RawCursor(database, row_factory=dict_row).execute(text.encode(), values).fetchall()


def ours(rows: list[Any]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def test_workflows_are_listed_with_every_column(database: Connection, draft: Draft) -> None:
    found = workflows.list_for_tenant(database, tenant_id=draft.tenant, max_workflows=10, skipped=0)

    assert len(found) == 2
    assert ours(found) == documented(database, LIST_WORKFLOWS, draft.tenant, 10, 0)


def test_a_workflow_has_every_column_of_itself_its_steps_and_edges(
    database: Connection, draft: Draft
) -> None:
    found = workflows.find_with_steps_and_edges(database, **draft.key)

    assert found
    whole = asdict(found)
    steps, edges = whole.pop("steps"), whole.pop("edges")
    assert [whole] == documented(database, WORKFLOW, draft.id, draft.tenant)
    assert steps == documented(database, STEPS, draft.id)
    assert edges == documented(database, EDGES, draft.id)
    assert (len(steps), len(edges)) == (2, 1)


def ask(draft: Draft) -> UUID:
    run = runs.add(
        draft.database,
        **draft.key,
        workflow_version=None,
        input={"n": 1},
        triggered_by_user=None,
    )
    assert run
    return run


def test_a_run_has_every_column_of_itself_and_its_step_runs(
    database: Connection, draft: Draft
) -> None:
    run = ask(draft)
    key: dict[str, Any] = {"tenant_id": draft.tenant, "run_id": run}
    runs.claim(database, **key, worker="w")
    step = database.execute("select id from steps order by created_at").fetchone()
    assert step
    begun = step_runs.add(database, **key, step_id=step[0], block_group_run_id=None, input=[1])
    assert begun
    step_runs.start(database, tenant_id=draft.tenant, step_run_id=begun.id, worker="w")

    found = runs.find_with_step_runs(database, **key)

    assert found
    whole = asdict(found)
    [documented_row] = documented(database, RUN_WITH_STEP_RUNS, run)
    [theirs], [own] = documented_row.pop("step_runs"), whole.pop("step_runs")
    assert whole == documented_row
    assert set(own) == set(theirs)
    assert {name: str(own[name]) for name in ("id", "run_id", "step_id", "status", "worker")} == {
        name: theirs[name] for name in ("id", "run_id", "step_id", "status", "worker")
    }


def test_a_run_without_step_runs_has_an_empty_list_and_not_one_of_nothing(
    database: Connection, draft: Draft
) -> None:
    run = ask(draft)

    found = runs.find_with_step_runs(database, tenant_id=draft.tenant, run_id=run)

    assert found
    [row] = documented(database, RUN_WITH_STEP_RUNS, run)
    assert (found.step_runs, row["step_runs"]) == ([], [None])


def test_schedules_that_are_due_have_every_column(database: Connection, draft: Draft) -> None:
    add_schedule(database, draft.tenant, draft.id)
    make_due(database)

    found = schedules.list_due(database, tenant_id=draft.tenant)

    assert len(found) == 1
    assert ours(found) == documented(database, SCHEDULES_DUE)


def test_the_documented_due_schedules_are_of_all_tenants_and_removed_ones_too(
    database: Connection, draft: Draft
) -> None:
    other = Draft(database, add_tenant(database))
    other.publish()
    removed = add_schedule(database, draft.tenant, draft.id)
    for each in (draft, other):
        add_schedule(database, each.tenant, each.id)
    make_due(database)
    schedules.remove(database, tenant_id=draft.tenant, schedule_id=removed)

    assert len(documented(database, SCHEDULES_DUE)) == 3
    assert len(schedules.list_due(database, tenant_id=draft.tenant)) == 1
    assert len(schedules.claim_due(database)) == 2


def test_runs_are_counted_by_status_alike(database: Connection, draft: Draft) -> None:
    for _ in range(3):
        ask(draft)
    runs.claim(database, tenant_id=draft.tenant)
    [(since,)] = database.execute("select now() - interval '1 hour'").fetchall()

    found = runs.count_by_status(database, tenant_id=draft.tenant, since=since)

    theirs = documented(database, RUNS_BY_STATUS, draft.tenant, since)
    assert ours(found) == sorted(theirs, key=lambda row: row["status"])


def test_a_workflow_is_found_by_its_id_with_every_column(
    database: Connection, draft: Draft
) -> None:
    found = workflows.find(database, **draft.key)

    assert found
    assert [asdict(found)] == documented(database, GET_BY_ID, draft.id, draft.tenant)


def test_the_documented_delete_hides_what_ours_hides(database: Connection, draft: Draft) -> None:
    RawCursor(database).execute(DELETE.encode(), [draft.id])

    assert workflows.find(database, **draft.key) is None
    left = documented(database, EXCLUDE_DELETED)
    assert draft.id not in {row["id"] for row in left}
    assert {row["id"] for row in left} == {
        row.id for row in workflows.list_for_tenant(database, tenant_id=draft.tenant)
    }


def test_the_documented_hard_delete_and_ours_remove_a_workflow_that_never_ran(
    database: Connection, draft: Draft
) -> None:
    one, two = (add_workflow(database, draft.tenant) for _ in range(2))

    RawCursor(database).execute(HARD_DELETE.encode(), [one])
    removed = workflows.remove_for_good(database, tenant_id=draft.tenant, workflow_id=two)

    assert removed == 1
    found = database.execute("select from workflows where id = any(%s)", [[one, two]])
    assert found.rowcount == 0
