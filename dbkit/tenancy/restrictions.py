"""Which conditions every row of a relation meets that has any part in a result."""

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
    """What the conditions of a query do to its relations, by their numbers."""

    conditions: dict[int, list[Node]]
    # those that a condition on the result restricts, too: no outer join may leave them out
    exposed: frozenset[int]


def restrictions(scope: Scope) -> Restrictions:
    """Find the conditions without which no row of a relation counts, be it to leave others out.

    A condition above an outer join is none of its nullable side's: by then a row has had its
    effect. One that a null cannot pass has made the join an inner one before.
    """
    found = Restrictions({}, frozenset())
    operation = scope.query.child("setOperations")
    if operation is not None:
        arms = frozenset(_arms(operation))
        return Restrictions({number: [] for number in arms}, arms)
    tree = scope.query.child("jointree")
    if tree is None:
        return found
    if scope.command == CmdType.MERGE:
        # a row of the source that matches none is inserted, whatever the condition says of it
        inserts = any(one.number("commandType") == CmdType.INSERT for one in actions(scope))
        above, quals = ([] if inserts else merge_condition(scope)), list[Node]()
    else:
        inserts, above, quals = False, _having(scope), conjuncts(tree.child("quals"))
    exposed: set[int] = set()
    for one in tree.children("fromlist"):
        exposed |= _visit(one, [*above, *quals], scope, found.conditions, exposed=not inserts)
    return found._replace(exposed=frozenset(exposed))


def merge_condition(scope: Scope) -> list[Node]:
    """Return what a merge joins on; before 17 it stands where others have `where`."""
    condition = scope.query.child("mergeJoinCondition")
    tree = scope.query.needed("jointree")
    return conjuncts(condition or tree.child("quals"))


def actions(scope: Scope) -> list[Node]:
    """Return what a merge may do."""
    return scope.query.children("mergeActionList")


def action_conditions(scope: Scope, action: Node) -> list[Node]:
    """Return what holds of the row of the target that an action changes."""
    own = conjuncts(action.child("qual"))
    if action.number("matchKind") == MergeMatchKind.NOT_MATCHED_BY_SOURCE:
        return own
    return [*merge_condition(scope), *own]


def exposed_columns(scope: Scope) -> frozenset[int]:
    """Return the columns of a result of which a condition may as well be asked within."""
    query = scope.query
    if scope.command != CmdType.SELECT or "limitCount" in query or "limitOffset" in query:
        return frozenset()
    if "rowMarks" in query or scope.grouping_sets:
        return frozenset()
    columns = {one.number("resno"): one.number("ressortgroupref") for one in scope.targets}
    keys = [one.children("partitionClause") for one in query.children("windowClause")]
    if query.flag("hasDistinctOn"):
        keys.append(query.children("distinctClause"))
    for clause in keys:
        parting = {one.number("tleSortGroupRef") for one in clause}
        columns = {number: ref for number, ref in columns.items() if ref in parting}
    return frozenset(columns)


def implies_its_conditions(scope: Scope) -> bool:
    """Say whether there is a row only where the conditions let one through."""
    query = scope.query
    if scope.command != CmdType.SELECT or "setOperations" in query or scope.grouping_sets:
        return False
    return "groupClause" in query or not (query.flag("hasAggs") or "havingQual" in query)


def own_nodes(query: Node) -> Iterator[Node]:
    """Give the nodes of a query, and not those of the queries within it."""
    waiting: list[Value] = list(query.fields.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, Node) and value.kind != "QUERY":
            yield value
            waiting.extend(value.fields.values())


def _having(scope: Scope) -> list[Node]:
    """Return the conditions on groups: a column in them has one value in all of a group."""
    if "groupClause" not in scope.query or scope.grouping_sets:
        return []
    return conjuncts(scope.query.child("havingQual"))


def _arms(operation: Node) -> Iterator[int]:
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
    """Note the conditions of each relation below, and return those that are exposed."""
    if tree.kind == "RANGETBLREF":
        conditions[tree.number("rtindex")] = above
        return relations_in(tree) if exposed else frozenset()
    quals = conjuncts(tree.child("quals"))
    if tree.kind == "FROMEXPR":
        sides = [(one, [*above, *quals], exposed) for one in tree.children("fromlist")]
    else:
        left, right = tree.needed("larg"), tree.needed("rarg")
        both, neither = [*above, *quals], list[Node]()
        match scope.join_types[tree.number("rtindex")]:
            case JoinType.INNER:
                sides = [(left, both, exposed), (right, both, exposed)]
            case JoinType.LEFT:
                sides = [(left, above, exposed), (right, quals, False)]
            case JoinType.RIGHT:
                sides = [(left, quals, False), (right, above, exposed)]
            case _:
                sides = [(left, neither, False), (right, neither, False)]
    return frozenset[int]().union(
        *(_visit(one, held, scope, conditions, exposed=open_) for one, held, open_ in sides)
    )
