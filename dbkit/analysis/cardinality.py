"""Prove that at most one row comes back."""

from collections.abc import Sequence

from dbkit.analysis.facts import conjuncts, key_of
from dbkit.analysis.keys import Equality, equalities, fixed, has_key, uncast
from dbkit.analysis.nodes import Node
from dbkit.analysis.scope import (
    DELETE,
    FULL,
    INNER,
    LEFT,
    MERGE,
    RIGHT,
    SELECT,
    UPDATE,
    Scope,
    joins,
    limit_of,
    members,
)

_WITH_TIES = 1


def at_most_one(scope: Scope, bound: Sequence[Equality] = ()) -> bool:
    """Say whether a second row is impossible, where some columns of the result are fixed."""
    query = scope.query
    limit = limit_of(query)
    if limit is not None and limit <= 1 and query.number("limitOption") != _WITH_TIES:
        return True
    if query.flag("hasTargetSRFs") or "setOperations" in query or scope.grouping_sets:
        return False
    if scope.command == MERGE or (scope.command != SELECT and _is_ruled(scope)):
        return False
    keys = query.children("groupClause")
    if query.flag("hasAggs") and not keys:
        return True
    if not keys:
        return _are_single(scope, bound)
    found = fixed([*bound, *equalities(scope.conditions)], scope, frozenset())
    return all(_is_fixed_key(scope, key, found) for key in keys) or _are_single(scope, bound)


def _is_ruled(scope: Scope) -> bool:
    return scope.catalog.relation(scope.relation(scope.target).number("relid")).ruled


def _sources(scope: Scope) -> set[int]:
    tree = scope.query.child("jointree")
    found = set(members(tree)) if tree else set[int]()
    return found | {scope.target} if scope.command in {UPDATE, DELETE} else found


def _are_single(scope: Scope, bound: Sequence[Equality]) -> bool:
    """Fix one relation after the other: by its key, bound to what is fixed already."""
    if FULL in scope.joins.values():
        return False
    waiting = _sources(scope)
    binding = {number: list(scope.conditions) for number in waiting}
    for join in joins(scope.query.child("jointree")):
        kind, quals = scope.joins[join.number("rtindex")], conjuncts(join.child("quals"))
        left, right = members(join.needed("larg")), members(join.needed("rarg"))
        for number in left if kind in {INNER, RIGHT} else ():
            binding[number] += quals
        for number in right if kind in {INNER, LEFT} else ():
            binding[number] += quals
    single: frozenset[int] = frozenset()
    while waiting:
        found = {one for one in waiting if _is_one(scope, one, binding[one], single, bound)}
        if not found:
            return False
        single |= found
        waiting -= found
    return True


def _is_one(
    scope: Scope,
    number: int,
    conditions: list[Node],
    single: frozenset[int],
    bound: Sequence[Equality],
) -> bool:
    """Say whether a relation has at most one row, where others have only one."""
    relation = scope.relation(number)
    found = fixed([*bound, *equalities(conditions)], scope, single)
    match relation.number("rtekind"):
        case 3:
            calls = [one.needed("funcexpr") for one in relation.children("functions")]
            return not any(one.flag("funcretset") for one in calls)
        case 5:
            return len(relation.rows("values_lists")) <= 1
        case _:
            source = scope.source(number)
            # what a materialized view holds may be older than its tables' keys, not than its own
            if source is None or source.setting.stale:
                return has_key(scope, number, conditions, found)
            return at_most_one(source, _within(source, number, found))


def _within(source: Scope, number: int, found: Sequence[Equality]) -> list[Equality]:
    """Return the equalities as the query sees them whose columns they speak of."""
    within: list[Equality] = []
    for one in found:
        place = one.expression.number("varattno")
        own = one.expression.kind == "VAR" and not one.expression.number("varlevelsup")
        if own and one.expression.number("varno") == number and 0 < place <= len(source.targets):
            inner = uncast(source.targets[place - 1].needed("expr"))
            within.append(Equality(inner, None, one.operator, one.collation))
    return within


def _is_fixed_key(scope: Scope, key: Node, found: Sequence[Equality]) -> bool:
    """Say whether a key of `group by` is equal to a fixed value, in the very sense of grouping."""
    [target] = [
        one.needed("expr")
        for one in scope.query.children("targetList")
        if one.number("ressortgroupref") == key.number("tleSortGroupRef")
    ]
    column = scope.flatten(target) if target.kind == "VAR" else target
    return column.kind == "VAR" and any(
        one.operator == key.number("eqop")
        and one.collation == column.number("varcollid")
        and key_of(one.expression, scope) == key_of(column, scope)
        for one in found
    )
