"""Find the conditions that are true of every row of a relation which affects the result."""

from collections.abc import Iterator
from typing import NamedTuple

from dbkit.analysis import (
    CmdType,
    JoinType,
    MergeMatchKind,
    Node,
    Scope,
    Value,
    conjuncts,
    relations_in,
)


class Restrictions(NamedTuple):
    """The conditions of a query on its relations."""

    # by the number of a relation, the conditions that are true of every row that counts
    conditions: dict[int, list[Node]]
    # the relations that a condition on the result restricts as well; no outer join leaves them out
    exposed: frozenset[int]


def restrictions(scope: Scope) -> Restrictions:
    """Return the conditions of a query on its relations.

    A row of the nullable side of an outer join affects the result even if a condition above the
    join is not true of it: without it, the other side would come with nulls. So such a condition
    does not restrict that side. (If the condition is never true for nulls, the scope has made the
    join an inner one.)
    """
    operation = scope.query.child("setOperations")
    if operation is not None:
        arms = frozenset(_arms(operation))
        return Restrictions({number: [] for number in arms}, arms)
    tree = scope.query.child("jointree")
    if tree is None:
        return Restrictions({}, frozenset())
    if scope.command == CmdType.MERGE:
        # a row of the source that matches no target is inserted: the condition was not true of it
        inserts = any(action.number("commandType") == CmdType.INSERT for action in actions(scope))
        above, quals = ([] if inserts else merge_condition(scope)), list[Node]()
    else:
        inserts, above, quals = False, _having(scope), conjuncts(tree.child("quals"))
    conditions: dict[int, list[Node]] = {}
    exposed: set[int] = set()
    for member in tree.children("fromlist"):
        exposed |= _visit(member, [*above, *quals], scope, conditions, exposed=not inserts)
    return Restrictions(conditions, frozenset(exposed))


def merge_condition(scope: Scope) -> list[Node]:
    """Return the condition after `on` of a merge; before 17 it stands in place of `where`."""
    condition = scope.query.child("mergeJoinCondition")
    tree = scope.query.needed("jointree")
    return conjuncts(condition or tree.child("quals"))


def actions(scope: Scope) -> list[Node]:
    """Return the `when` clauses of a merge."""
    return scope.query.children("mergeActionList")


def action_conditions(scope: Scope, action: Node) -> list[Node]:
    """Return the conditions that are true of a row of the target that an action changes."""
    conditions = conjuncts(action.child("qual"))
    if action.number("matchKind") == MergeMatchKind.NOT_MATCHED_BY_SOURCE:
        return conditions
    return [*merge_condition(scope), *conditions]


def exposed_columns(scope: Scope) -> frozenset[int]:
    """Return the columns of a result for which a condition outside may be moved inside.

    It may not where that changes which rows come back, as with `limit`, or which rows are within
    a window.
    """
    query = scope.query
    if scope.command != CmdType.SELECT or "limitCount" in query or "limitOffset" in query:
        return frozenset()
    if "rowMarks" in query or scope.grouping_sets:
        return frozenset()
    columns = {target.number("resno"): target.number("ressortgroupref") for target in scope.targets}
    clauses = [window.children("partitionClause") for window in query.children("windowClause")]
    if query.flag("hasDistinctOn"):
        clauses.append(query.children("distinctClause"))
    for clause in clauses:
        references = {key.number("tleSortGroupRef") for key in clause}
        columns = {
            number: reference for number, reference in columns.items() if reference in references
        }
    return frozenset(columns)


def implies_its_conditions(scope: Scope) -> bool:
    """Say whether a query has a row only if its conditions are true of some row."""
    query = scope.query
    if scope.command != CmdType.SELECT or "setOperations" in query or scope.grouping_sets:
        return False
    return "groupClause" in query or not (query.flag("hasAggs") or "havingQual" in query)


def own_nodes(query: Node) -> Iterator[Node]:
    """Yield the nodes of a query, without those of the queries within it."""
    waiting: list[Value] = list(query.fields.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, Node) and value.kind != "QUERY":
            yield value
            waiting.extend(value.fields.values())


def listed_nodes(query: Node) -> Iterator[Node]:
    """Yield the nodes of what is made of the rows that are left, without the queries within."""
    for expression in listed(query):
        yield expression
        yield from own_nodes(expression)


def listed(query: Node) -> Iterator[Node]:
    """Yield what is made of the rows that are left once all conditions were looked at."""
    yield from query.children("targetList")
    yield from query.children("returningList")
    conflict = query.child("onConflict")
    if conflict is not None:
        yield from conflict.children("onConflictSet")
    for action in query.children("mergeActionList"):
        yield from action.children("targetList")


def _having(scope: Scope) -> list[Node]:
    """Return the conditions on groups; a column in them is the same in all rows of a group."""
    if "groupClause" not in scope.query or scope.grouping_sets:
        return []
    return conjuncts(scope.query.child("havingQual"))


def _arms(operation: Node) -> Iterator[int]:
    """Yield the relations that `union` and its like combine."""
    if operation.kind == "RANGETBLREF":
        yield operation.number("rtindex")
    else:
        yield from _arms(operation.needed("larg"))
        yield from _arms(operation.needed("rarg"))


def _visit(
    tree: Node,
    above: list[Node],
    scope: Scope,
    conditions: dict[int, list[Node]],
    *,
    exposed: bool,
) -> frozenset[int]:
    """Note the conditions of the relations in a part of the join tree.

    `above` are the conditions that restrict all of the part. Return the relations that a condition
    on the result restricts as well; there are none unless the part is `exposed`.
    """
    if tree.kind == "RANGETBLREF":
        conditions[tree.number("rtindex")] = above
        return relations_in(tree) if exposed else frozenset()
    quals = conjuncts(tree.child("quals"))
    if tree.kind == "FROMEXPR":
        parts = [(member, [*above, *quals], exposed) for member in tree.children("fromlist")]
    else:
        left, right = tree.needed("larg"), tree.needed("rarg")
        both, neither = [*above, *quals], list[Node]()
        match scope.join_types[tree.number("rtindex")]:
            case JoinType.INNER:
                parts = [(left, both, exposed), (right, both, exposed)]
            case JoinType.LEFT:
                parts = [(left, above, exposed), (right, quals, False)]
            case JoinType.RIGHT:
                parts = [(left, quals, False), (right, above, exposed)]
            case _:
                parts = [(left, neither, False), (right, neither, False)]
    return frozenset[int]().union(
        *(
            _visit(part, part_conditions, scope, conditions, exposed=part_exposed)
            for part, part_conditions, part_exposed in parts
        )
    )
