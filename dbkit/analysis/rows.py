"""Prove that at most one row comes back."""

from collections.abc import Sequence
from typing import NamedTuple

from dbkit.analysis.catalog import UniqueIndex
from dbkit.analysis.nodes import Node, Value
from dbkit.analysis.scope import (
    NOTHING,
    Key,
    Scope,
    conjuncts,
    joins,
    key_of,
    limit_of,
    members,
    truths,
)
from dbkit.analysis.vocabulary import (
    CmdType,
    JoinType,
    LimitOption,
    NullTestType,
    RelKind,
    RTEKind,
)


class Equality(NamedTuple):
    """An expression that has to be equal to a value."""

    expression: Node
    # None is a value that comes from outside of the query
    value: Node | None
    operator: int
    collation: int


def at_most_one(scope: Scope, bound: Sequence[Equality] = ()) -> bool:
    """Say whether a second row is impossible, where some columns of the result are fixed."""
    query = scope.query
    limit = limit_of(query)
    if limit is not None and limit <= 1 and query.number("limitOption") != LimitOption.WITH_TIES:
        return True
    if query.flag("hasTargetSRFs") or "setOperations" in query or scope.grouping_sets:
        return False
    if scope.command == CmdType.MERGE or (scope.command != CmdType.SELECT and _is_ruled(scope)):
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
    return found | {scope.target} if scope.command in {CmdType.UPDATE, CmdType.DELETE} else found


def _are_single(scope: Scope, bound: Sequence[Equality]) -> bool:
    """Fix one relation after the other: by its key, bound to what is fixed already."""
    if JoinType.FULL in scope.joins.values():
        return False
    waiting = _sources(scope)
    binding = {number: list(scope.conditions) for number in waiting}
    for join in joins(scope.query.child("jointree")):
        kind, quals = scope.joins[join.number("rtindex")], conjuncts(join.child("quals"))
        left, right = members(join.needed("larg")), members(join.needed("rarg"))
        for number in left if kind in {JoinType.INNER, JoinType.RIGHT} else ():
            binding[number] += quals
        for number in right if kind in {JoinType.INNER, JoinType.LEFT} else ():
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
        case RTEKind.FUNCTION:
            calls = [one.needed("funcexpr") for one in relation.children("functions")]
            return not any(one.flag("funcretset") for one in calls)
        case RTEKind.VALUES:
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


def equalities(conditions: list[Node]) -> list[Equality]:
    """Return what the conditions set equal, or compare in some other way, both ways round."""
    found: list[Equality] = []
    for one in conditions:
        sides = one.children("args")
        if one.kind == "OPEXPR" and len(sides) == 2:  # noqa: PLR2004 - left and right
            operator, collation = one.number("opno"), one.number("inputcollid")
            left, right = sides
            found.append(Equality(uncast(left), right, operator, collation))
            found.append(Equality(uncast(right), left, operator, collation))
    return found


def fixed(found: list[Equality], scope: Scope, single: frozenset[int]) -> list[Equality]:
    """Return those whose value is the same in every row, where some relations have only one."""
    return [one for one in found if one.value is None or _is_fixed(one.value, scope, single)]


def has_key(scope: Scope, number: int, conditions: list[Node], bound: list[Equality]) -> bool:
    """Say whether a unique key of a table is bound."""
    entry = scope.relation(number)
    if entry.number("rtekind") != RTEKind.RELATION:
        return False
    relation = scope.catalog.relation(entry.number("relid"))
    # children of an inheritance parent are not in its index; those of a partitioned table are
    if relation.kind not in {RelKind.RELATION, RelKind.PARTITIONED_TABLE, RelKind.MATVIEW} or (
        relation.kind == RelKind.RELATION and relation.has_children and entry.flag("inh")
    ):
        return False
    return any(
        _is_bound(scope, number, index, bound) and _applies(scope, number, index, conditions)
        for index in scope.catalog.unique_indexes(entry.number("relid"))
    )


def uncast(expression: Node) -> Node:
    """Return an expression without a relabelling, which changes no value."""
    while expression.kind == "RELABELTYPE":
        expression = expression.needed("arg")
    return expression


def _is_bound(scope: Scope, number: int, index: UniqueIndex, bound: list[Equality]) -> bool:
    expressions = iter(index.expressions)
    columns = zip(index.attributes, index.equalities, index.collations, strict=True)
    for attribute, operators, collation in columns:
        if attribute:
            key: Key = ("VAR", number, attribute, 0, 0)
        else:
            key = key_of(uncast(_renumbered(next(expressions), number)), scope)
        if not any(
            one.operator in operators
            and one.collation == collation
            and key_of(one.expression, scope) == key
            for one in bound
        ):
            return False
    return True


def _applies(scope: Scope, number: int, index: UniqueIndex, conditions: list[Node]) -> bool:
    """Say whether a partial index has every row that the conditions let through."""
    keys = {key_of(one, scope) for one in conditions}
    known = NOTHING.union(*(truths(one, scope) for one in conditions))
    for condition in index.condition:
        here = _renumbered(condition, number)
        given = (
            here.kind == "NULLTEST"
            and here.number("nulltesttype") == NullTestType.IS_NOT_NULL
            and key_of(here.child("arg"), scope) in known
        )
        if not given and key_of(here, scope) not in keys:
            return False
    return True


def _renumbered(node: Node, number: int) -> Node:
    """Return an index's own expression as the query would have written it."""
    renumbered = Node(node.kind, {name: _each(one, number) for name, one in node.fields.items()})
    if node.kind == "VAR":
        renumbered.fields["varno"] = str(number)
    return renumbered


def _each(value: Value, number: int) -> Value:
    if isinstance(value, Node):
        return _renumbered(value, number)
    return [_each(one, number) for one in value] if isinstance(value, list) else value


def _is_fixed(  # noqa: PLR0911 - a rule a return
    value: Value, scope: Scope, single: frozenset[int], depth: int = 0
) -> bool:
    if isinstance(value, list):
        return all(_is_fixed(one, scope, single, depth) for one in value)
    if not isinstance(value, Node):
        return True
    if value.kind == "VAR" and value.number("varlevelsup") == depth:
        here = Node("VAR", {**value.fields, "varlevelsup": "0"})
        flat = scope.flatten(here)
        if flat.kind != "VAR":
            return _is_fixed(flat, scope, single)
        return flat.number("varno") in single
    if value.kind == "NEXTVALUEEXPR":
        return False
    if any(scope.catalog.function(oid).volatile for oid in value.functions()):
        return False
    below = depth + 1 if value.kind == "QUERY" else depth
    return all(_is_fixed(one, scope, single, below) for one in value.fields.values())
