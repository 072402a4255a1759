"""The graph of a workflow as it was published: what stands in which group, and what comes first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, cast
from uuid import UUID

from psycopg import Connection

from dbkit.errors import DbkitError
from dbkit.systems.ai_orchestration import block_groups, workflow_versions, workflows


@dataclass(eq=False)
class UnusableWorkflow(DbkitError):
    """A workflow cannot be run as it is drawn."""

    reason: str

    def __str__(self) -> str:
        return f"the workflow cannot be run: {self.reason}"


@dataclass(frozen=True, slots=True)
class FlowNode:
    """A step, or a block group, which stands in another group or in none."""

    id: UUID
    name: str
    type: str
    config: Mapping[str, Any]
    group: UUID | None
    role: str | None
    is_group: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge between two nodes of one level; its condition says whether it is taken."""

    source: UUID
    target: UUID
    condition: str | None


@dataclass(frozen=True)
class Graph:
    """All nodes of a workflow, and the edges between its steps."""

    nodes: Mapping[UUID, FlowNode]
    edges: Sequence[Arrow]
    _levels: dict[UUID | None, list[FlowNode]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        levels: dict[UUID | None, list[FlowNode]] = {}
        for node in self.nodes.values():
            levels.setdefault(node.group, []).append(node)
        object.__setattr__(self, "_levels", levels)

    def inside(
        self, group: UUID | None, roles: Collection[str | None] | None = None
    ) -> list[FlowNode]:
        """Give the nodes that stand in a group itself, those of some roles if these are given."""
        nodes = self._levels.get(group, [])
        return [node for node in nodes if roles is None or node.role in roles]

    def arrows(self, nodes: Collection[FlowNode], group: UUID | None) -> list[Arrow]:
        """Give the edges between nodes of one level; one that ends in a group is the group's."""
        here = {node.id for node in nodes}
        lifted = [
            Arrow(source, target, edge.condition)
            for edge in self.edges
            if (source := self._lifted(edge.source, group)) in here
            and (target := self._lifted(edge.target, group)) in here
            and source
            and target
            and source != target
        ]
        return list(dict.fromkeys(lifted))

    def in_order(self, nodes: Sequence[FlowNode], arrows: Sequence[Arrow]) -> list[FlowNode]:
        """Give the nodes of one level, each after those that lead to it."""
        sorter: TopologicalSorter[UUID] = TopologicalSorter({node.id: () for node in nodes})
        for arrow in arrows:
            sorter.add(arrow.target, arrow.source)
        try:
            return [self.nodes[id_] for id_ in sorter.static_order()]
        except CycleError as error:
            names = " -> ".join(repr(self.nodes[id_].name) for id_ in error.args[1])
            reason = f"its edges lead in a circle: {names}; take one of them out"
            raise UnusableWorkflow(reason) from None

    def branches(self, nodes: Sequence[FlowNode], arrows: Sequence[Arrow]) -> list[list[FlowNode]]:
        """Part the nodes of one level into those that no edge joins."""
        branch_of = {node.id: {node.id} for node in nodes}
        for arrow in arrows:
            joined = branch_of[arrow.source] | branch_of[arrow.target]
            for id_ in joined:
                branch_of[id_] = joined
        parted = {frozenset(branch): None for branch in branch_of.values()}
        return [[node for node in nodes if node.id in branch] for branch in parted]

    def _lifted(self, id_: UUID, group: UUID | None) -> UUID | None:
        node = self.nodes.get(id_)
        while node is not None and node.group != group:
            node = None if node.group is None else self.nodes.get(node.group)
        return None if node is None else node.id


def read_graph(
    connection: Connection[Any], *, tenant_id: UUID, workflow_id: UUID, version: int, mode: str
) -> Graph:
    """Read the version that a run is of; a test run without one tries the draft."""
    published = workflow_versions.find(
        connection, tenant_id=tenant_id, workflow_id=workflow_id, version=version
    )
    if published is not None and mode != "test":
        return _graph(published.steps, published.edges, published.block_groups)
    draft = workflows.find_with_steps_and_edges(
        connection, tenant_id=tenant_id, workflow_id=workflow_id
    )
    if draft is None or mode != "test":
        reason = f"version {version} is not published, or the workflow was removed"
        raise UnusableWorkflow(reason)
    groups = block_groups.list_for_workflow(
        connection, tenant_id=tenant_id, workflow_id=workflow_id
    )
    return _graph(draft.steps, draft.edges, groups)


def _graph(steps: Sequence[Any], edges: Sequence[Any], groups: Sequence[Any]) -> Graph:
    """Make a graph of the rows of a version, or of those of a draft, which have the same names."""
    nodes = [
        *(
            FlowNode(
                step.id,
                step.name,
                step.type,
                as_object(step.config),
                step.block_group_id,
                step.group_role,
                is_group=False,
            )
            for step in steps
        ),
        *(
            FlowNode(
                group.id,
                group.name,
                group.type,
                as_object(group.config),
                group.parent_group_id,
                # the document has a role for steps alone
                as_object(group.config).get("group_role"),
                is_group=True,
            )
            for group in groups
        ),
    ]
    arrows = [Arrow(edge.source_step_id, edge.target_step_id, edge.condition) for edge in edges]
    return Graph({node.id: node for node in nodes}, arrows)


def as_object(config: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON
    """Give a config as the object that it is, or an empty one."""
    return cast("Mapping[str, Any]", config) if isinstance(config, Mapping) else {}
