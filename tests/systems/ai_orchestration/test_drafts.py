"""A draft is edited step by step, and its groups stay a tree."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors

from dbkit.systems.ai_orchestration import block_groups, edges, steps, workflows
from tests.systems.ai_orchestration.drafts import (
    Draft,
    WorkflowKey,
    add_tenant,
    add_workflow,
    another,
    wait_until_blocked,
)


@pytest.fixture
def tenant(database: Connection) -> UUID:
    """A tenant who edits."""
    return add_tenant(database)


@pytest.fixture
def draft(database: Connection, tenant: UUID) -> Draft:
    """An empty draft of the tenant's."""
    return Draft(database, tenant)


def graph(draft: Draft) -> workflows.FindWithStepsAndEdgesRow:
    found = workflows.find_with_steps_and_edges(draft.database, **draft.key)
    assert found
    return found


def test_a_new_workflow_is_an_empty_draft(draft: Draft) -> None:
    found = graph(draft)

    assert (found.status, found.version, found.published_at) == ("draft", 1, None)
    assert (found.steps, found.edges) == ([], [])


def test_only_what_is_given_of_a_workflow_changes(draft: Draft) -> None:
    schema = {"type": "object"}
    workflows.change(draft.database, **draft.key, description="daily", input_schema=schema)

    assert workflows.change(draft.database, **draft.key, name="weekly") == 1

    found = graph(draft)
    assert (found.name, found.description, found.input_schema) == ("weekly", "daily", schema)


def test_a_description_can_be_taken_away(draft: Draft) -> None:
    workflows.change(draft.database, **draft.key, description="daily")

    workflows.change(draft.database, **draft.key, description=None)

    assert graph(draft).description is None


def test_an_edit_puts_the_workflow_first_in_the_list(draft: Draft) -> None:
    add_workflow(draft.database, draft.tenant, "newer")

    draft.step("fetch")

    listed = workflows.list_for_tenant(draft.database, tenant_id=draft.tenant)
    assert [workflow.name for workflow in listed] == ["digest", "newer"]


def test_steps_added_in_one_transaction_keep_their_order(draft: Draft) -> None:
    names = [f"step {number}" for number in range(12)]

    for name in names:
        draft.step(name)

    assert [step.name for step in graph(draft).steps] == names


def test_a_step_changes_only_where_it_is_told(draft: Draft) -> None:
    step = draft.step("fetch")

    assert steps.change(draft.database, **draft.key, step_id=step, config={"retries": 3}) == 1

    [found] = graph(draft).steps
    assert (found.name, found.type, found.config) == ("fetch", "tool", {"retries": 3})


def test_a_step_takes_its_edges_with_it(draft: Draft) -> None:
    first, second, third = (draft.step(name) for name in "abc")
    draft.edge(first, second)
    kept = draft.edge(first, third, "ok")

    assert steps.remove(draft.database, **draft.key, step_id=second) == 1

    found = graph(draft)
    assert [(edge.id, edge.condition) for edge in found.edges] == [(kept, "ok")]


def test_an_edge_can_lose_its_condition_and_go(draft: Draft) -> None:
    edge = draft.edge(draft.step("a"), draft.step("b"), "ok")

    edges.change(draft.database, **draft.key, edge_id=edge, condition=None)
    without = graph(draft).edges[0].condition
    removed = edges.remove(draft.database, **draft.key, edge_id=edge)

    assert (without, removed, graph(draft).edges) == (None, 1, [])


def test_two_steps_have_one_edge_between_them(draft: Draft) -> None:
    first, second = draft.step("a"), draft.step("b")
    draft.edge(first, second)

    with pytest.raises(errors.UniqueViolation):
        draft.edge(first, second)


def test_an_edge_cannot_leave_its_workflow(draft: Draft) -> None:
    elsewhere = Draft(draft.database, draft.tenant).step("not of it")

    with pytest.raises(errors.ForeignKeyViolation):
        draft.edge(draft.step("a"), elsewhere)


def test_steps_are_moved_together_and_the_workflow_stays_where_it_is(draft: Draft) -> None:
    first, second = draft.step("a"), draft.step("b")
    before = graph(draft).updated_at

    moved = steps.move(
        draft.database,
        [
            steps.MoveValues(**draft.key, step_id=first, position_x=10, position_y=20),
            steps.MoveValues(**draft.key, step_id=second, position_x=30, position_y=40),
        ],
    )

    found = graph(draft)
    places = [(step.position_x, step.position_y) for step in found.steps]
    assert (moved, places, found.updated_at) == (2, [(10, 20), (30, 40)], before)


def test_a_step_joins_a_group_in_a_role_and_leaves_it(draft: Draft) -> None:
    group = draft.group("each")
    step = draft.step("fetch")

    steps.change_group(
        draft.database, **draft.key, step_id=step, block_group_id=group, group_role="body"
    )
    inside = graph(draft).steps[0]
    steps.change_group(
        draft.database, **draft.key, step_id=step, block_group_id=None, group_role=None
    )
    outside = graph(draft).steps[0]

    assert (inside.block_group_id, inside.group_role) == (group, "body")
    assert (outside.block_group_id, outside.group_role) == (None, None)


def test_a_step_cannot_join_a_group_of_another_workflow(draft: Draft) -> None:
    elsewhere = Draft(draft.database, draft.tenant).group("not of it")

    with pytest.raises(errors.ForeignKeyViolation):
        draft.step("fetch", elsewhere)


def test_groups_come_outer_ones_first_with_their_depth(draft: Draft) -> None:
    outer = draft.group("outer")
    other = draft.group("other")
    inner = draft.group("inner", outer)
    draft.group("innermost", inner)

    block_groups.change_parent(
        draft.database, **draft.key, block_group_id=other, parent_group_id=inner
    )

    listed = block_groups.list_for_workflow(draft.database, **draft.key)
    assert [(group.name, group.depth) for group in listed] == [
        ("outer", 0),
        ("inner", 1),
        ("other", 2),
        ("innermost", 2),
    ]


def test_a_group_is_changed_moved_and_sized(draft: Draft) -> None:
    group = draft.group("each")

    block_groups.change(draft.database, **draft.key, block_group_id=group, type="while")
    values = block_groups.MoveValues(
        **draft.key, block_group_id=group, position_x=1, position_y=2, width=300, height=200
    )
    block_groups.move(draft.database, [values])

    [found] = block_groups.list_for_workflow(draft.database, **draft.key)
    assert (found.name, found.type) == ("each", "while")
    assert (found.position_x, found.position_y) == (1, 2)
    assert (found.width, found.height) == (300, 200)


@pytest.mark.parametrize("levels", [0, 1, 3])
def test_a_group_cannot_be_inside_itself(draft: Draft, levels: int) -> None:
    outer = inner = draft.group("outer")
    for level in range(levels):
        inner = draft.group(f"inner {level}", inner)

    with pytest.raises(errors.CheckViolation, match="cannot be inside itself"):
        block_groups.change_parent(
            draft.database, **draft.key, block_group_id=outer, parent_group_id=inner
        )


def test_two_groups_put_into_each_other_at_once_do_not_make_a_ring(draft: Draft) -> None:
    groups = draft.group("a"), draft.group("b")
    put = "update block_groups set parent_group_id = %s where id = %s"
    with (
        another(draft.database) as first,
        another(draft.database) as second,
        another(draft.database) as watcher,
        ThreadPoolExecutor(1) as pool,
    ):
        first.execute(put, groups)
        waiting = pool.submit(second.execute, put, groups[::-1])
        wait_until_blocked(watcher)
        first.commit()

        with pytest.raises(errors.CheckViolation, match="cannot be inside itself"):
            waiting.result(30)


def test_a_removed_group_takes_inner_ones_along_and_frees_the_steps(draft: Draft) -> None:
    outer, other = draft.group("outer"), draft.group("other")
    inner = draft.group("inner", outer)
    for group in (outer, inner, other):
        draft.step("work", group, "body")

    assert block_groups.remove(draft.database, **draft.key, block_group_id=outer) == 1

    found = [(step.block_group_id, step.group_role) for step in graph(draft).steps]
    left = block_groups.list_for_workflow(draft.database, **draft.key)
    assert found == [(None, None), (None, None), (other, "body")]
    assert [group.id for group in left] == [other]


def test_workflows_are_counted_by_status(database: Connection, tenant: UUID) -> None:
    for _ in range(3):
        Draft(database, tenant)
    Draft(database, tenant).publish()
    removed = Draft(database, tenant)
    workflows.remove(database, **removed.key)
    Draft(database, add_tenant(database))

    counts = workflows.count_by_status(database, tenant_id=tenant)

    assert counts == [
        workflows.StatusCount("draft", 3),
        workflows.StatusCount("published", 1),
    ]


Edit: TypeAlias = Callable[[Connection, WorkflowKey, dict[str, UUID]], object]
STRANGERS: dict[str, Edit] = {
    "workflows.change": lambda d, k, _: workflows.change(d, **k, name="mine"),
    "steps.add": lambda d, k, _: steps.add(
        d, **k, name="x", type="llm", block_group_id=None, group_role=None
    ),
    "steps.change": lambda d, k, i: steps.change(d, **k, step_id=i["step"], name="x"),
    "steps.change_group": lambda d, k, i: steps.change_group(
        d, **k, step_id=i["step"], block_group_id=None, group_role=None
    ),
    "steps.move": lambda d, k, i: steps.move(
        d, [steps.MoveValues(**k, step_id=i["step"], position_x=1, position_y=1)]
    ),
    "steps.remove": lambda d, k, i: steps.remove(d, **k, step_id=i["step"]),
    "edges.add": lambda d, k, i: edges.add(
        d, **k, source_step_id=i["other"], target_step_id=i["step"], condition=None
    ),
    "edges.change": lambda d, k, i: edges.change(d, **k, edge_id=i["edge"], condition="x"),
    "edges.remove": lambda d, k, i: edges.remove(d, **k, edge_id=i["edge"]),
    "block_groups.add": lambda d, k, _: block_groups.add(
        d, **k, name="x", type="while", parent_group_id=None
    ),
    "block_groups.change": lambda d, k, i: block_groups.change(
        d, **k, block_group_id=i["group"], name="x"
    ),
    "block_groups.change_parent": lambda d, k, i: block_groups.change_parent(
        d, **k, block_group_id=i["inner"], parent_group_id=None
    ),
    "block_groups.move": lambda d, k, i: block_groups.move(
        d,
        [
            block_groups.MoveValues(
                **k, block_group_id=i["group"], position_x=1, position_y=1, width=1, height=1
            )
        ],
    ),
    "block_groups.remove": lambda d, k, i: block_groups.remove(d, **k, block_group_id=i["group"]),
    "block_groups.list_for_workflow": lambda d, k, _: block_groups.list_for_workflow(d, **k),
}


@pytest.mark.parametrize("edit", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("whose", ["another tenant's", "another workflow's", "a removed one's"])
def test_nobody_edits_what_is_not_theirs_or_gone(draft: Draft, edit: Edit, whose: str) -> None:
    group = draft.group("outer")
    ids = {"group": group, "inner": draft.group("inner", group)}
    ids |= {"step": draft.step("a", group, "body"), "other": draft.step("b")}
    ids["edge"] = draft.edge(ids["step"], ids["other"])
    before = state(draft)
    key = draft.key.copy()
    if whose == "another tenant's":
        key["tenant_id"] = add_tenant(draft.database)
    elif whose == "another workflow's":
        key["workflow_id"] = uuid4()
    else:
        workflows.remove(draft.database, **draft.key)

    done = edit(draft.database, key, ids)

    assert done in (0, None, [])
    assert state(draft) == before


def state(draft: Draft) -> list[object]:
    return [
        draft.database.execute(f"select * from {table} order by id".encode()).fetchall()
        for table in ("steps", "edges", "block_groups")
    ]
