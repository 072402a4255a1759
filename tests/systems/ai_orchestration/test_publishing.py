"""Publishing raises the version and keeps everything as it is at that moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from psycopg import Connection

from dbkit.systems.ai_orchestration import block_groups, steps, workflow_versions, workflows
from tests.systems.ai_orchestration.drafts import (
    Draft,
    WorkflowKey,
    add_tenant,
    add_user,
    another,
    at_once,
    wait_until_blocked,
)


@pytest.fixture
def tenant(database: Connection) -> UUID:
    """A tenant who publishes."""
    return add_tenant(database)


@pytest.fixture
def draft(database: Connection, tenant: UUID) -> Draft:
    """An empty draft of the tenant's."""
    return Draft(database, tenant)


def read(draft: Draft, version: int) -> workflow_versions.FindRow:
    found = workflow_versions.find(draft.database, **draft.key, version=version)
    assert found
    return found


def versions(draft: Draft) -> list[int]:
    listed = workflow_versions.list_for_workflow(draft.database, **draft.key)
    return [published.version for published in listed]


def test_the_first_that_is_published_is_version_two(draft: Draft) -> None:
    publisher = add_user(draft.database, draft.tenant)

    published = workflows.publish(draft.database, **draft.key, published_by=publisher)

    assert published
    workflow = workflows.find(draft.database, **draft.key)
    assert workflow
    assert (workflow.status, workflow.version) == ("published", 2)
    assert workflow.published_at == workflow.updated_at == published.published_at
    found = read(draft, 2)
    assert (found.id, found.published_by) == (published.id, publisher)
    assert found.published_at == published.published_at


def test_a_version_is_read_back_as_it_was_published(draft: Draft) -> None:
    database, key = draft.database, draft.key
    workflows.change(database, **key, description="daily")
    workflows.change(database, **key, input_schema={"a": 1}, output_schema=["b"])
    outer = draft.group("all")
    inner = draft.group("each", outer)
    first, second = draft.step("fetch", inner, "body"), draft.step("sum up")
    steps.change(database, **key, step_id=first, config={"retries": 3})
    steps.move(database, [steps.MoveValues(**key, step_id=second, position_x=-5, position_y=7)])
    edge = draft.edge(first, second, "ok")

    found = read(draft, draft.publish())

    assert (found.name, found.description) == ("digest", "daily")
    assert (found.input_schema, found.output_schema) == ({"a": 1}, ["b"])
    assert found.steps == [
        workflow_versions.FindStep(first, "fetch", "tool", {"retries": 3}, 0, 0, inner, "body"),
        workflow_versions.FindStep(second, "sum up", "tool", {}, -5, 7, None, None),
    ]
    assert found.edges == [workflow_versions.FindEdge(edge, first, second, "ok")]
    assert found.block_groups == [
        workflow_versions.FindBlockGroup(outer, "all", "foreach", {}, None, 0, 0, 400, 300),
        workflow_versions.FindBlockGroup(inner, "each", "foreach", {}, outer, 0, 0, 400, 300),
    ]


def test_an_empty_workflow_is_published_with_empty_lists(draft: Draft) -> None:
    found = read(draft, draft.publish())

    assert (found.steps, found.edges, found.block_groups) == ([], [], [])


def test_a_step_whose_config_is_json_null_is_kept(draft: Draft) -> None:
    step = draft.step("fetch")
    draft.database.execute("update steps set config = 'null'")

    found = read(draft, draft.publish())

    assert [(kept.id, kept.config) for kept in found.steps] == [(step, None)]


def test_a_later_edit_leaves_the_published_version_alone(draft: Draft) -> None:
    group = draft.group("each")
    step = draft.step("fetch", group)
    draft.publish()
    before = read(draft, 2)

    steps.change(draft.database, **draft.key, step_id=step, name="load")
    block_groups.remove(draft.database, **draft.key, block_group_id=group)
    draft.step("sum up")
    draft.publish()

    assert read(draft, 2) == before
    assert [kept.name for kept in read(draft, 3).steps] == ["load", "sum up"]
    assert versions(draft) == [3, 2]


def test_the_newest_version_is_found_when_none_is_given(draft: Draft) -> None:
    draft.publish()
    draft.publish()

    found = workflow_versions.find(draft.database, **draft.key)

    assert found
    assert found.version == 3


def test_a_version_that_was_never_published_is_not_found(draft: Draft) -> None:
    assert workflow_versions.find(draft.database, **draft.key) is None
    draft.publish()
    for version in (1, 3):
        assert workflow_versions.find(draft.database, **draft.key, version=version) is None


def test_a_removed_workflow_is_not_published_and_its_versions_stay_readable(draft: Draft) -> None:
    draft.publish()
    workflows.remove(draft.database, **draft.key)

    assert workflows.publish(draft.database, **draft.key) is None

    assert read(draft, 2).version == 2


def test_a_stranger_neither_publishes_nor_reads(draft: Draft) -> None:
    draft.publish()
    stranger = add_tenant(draft.database)
    key: WorkflowKey = {"workflow_id": draft.id, "tenant_id": stranger}

    assert workflows.publish(draft.database, **key) is None
    assert workflow_versions.find(draft.database, **key) is None
    assert workflow_versions.list_for_workflow(draft.database, **key) == []
    assert versions(draft) == [2]


def test_a_user_of_another_tenant_publishes_nothing(draft: Draft) -> None:
    stranger = add_user(draft.database, add_tenant(draft.database))

    assert workflows.publish(draft.database, **draft.key, published_by=stranger) is None
    assert versions(draft) == []


def test_publishers_at_once_get_a_version_each(draft: Draft) -> None:
    draft.step("fetch")

    def publish(connection: Connection) -> int:
        published = workflows.publish(connection, **draft.key)
        assert published
        return published.version

    published = at_once(draft.database, 8, publish)

    assert sorted(published) == list(range(2, 10))
    assert versions(draft) == list(range(9, 1, -1))
    workflow = workflows.find(draft.database, **draft.key)
    assert workflow
    assert workflow.version == 9


def test_a_publisher_waits_for_an_edit_and_publishes_it(draft: Draft) -> None:
    found = published_during(draft, lambda: draft.step("added meanwhile"))

    assert [step.name for step in found.steps] == ["added meanwhile"]


def test_an_edit_that_is_taken_back_is_not_published(draft: Draft) -> None:
    draft.step("kept")

    def edit() -> None:
        with draft.database.transaction(force_rollback=True):
            draft.step("taken back")
        draft.step("committed")

    found = published_during(draft, edit)

    assert [step.name for step in found.steps] == ["kept", "committed"]


def published_during(draft: Draft, edit: Callable[[], object]) -> workflow_versions.FindRow:
    """Publish on another connection while an edit is under way, and read what was published."""
    with another(draft.database) as publisher, another(draft.database) as watcher:
        edit()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: workflows.publish(publisher, **draft.key))
            wait_until_blocked(watcher)
            draft.database.commit()
            published = waiting.result(30)
    assert published
    return read(draft, published.version)


def test_what_happens_to_a_workflow_is_in_the_audit_log(draft: Draft) -> None:
    workflows.change(draft.database, **draft.key, name="weekly")
    draft.publish()
    workflows.remove(draft.database, **draft.key)
    workflows.restore(draft.database, **draft.key)

    logged = draft.database.execute(
        "select action, resource_type, metadata from audit_logs"
        " where tenant_id = %s and resource_id = %s order by created_at",
        [draft.tenant, draft.id],
    ).fetchall()

    assert logged == [
        ("create", "workflow", {"name": "digest"}),
        ("update", "workflow", {"name": "weekly"}),
        ("publish", "workflow", {"name": "weekly", "version": 2}),
        ("delete", "workflow", {"name": "weekly"}),
        ("update", "workflow", {"name": "weekly", "restored": True}),
    ]
