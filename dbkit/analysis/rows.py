"""Prove that at most one row comes back."""

from collections.abc import Sequence
from typing import NamedTuple

from dbkit.analysis.catalog import UniqueIndex
from dbkit.analysis.nodes import Node, Value
from dbkit.analysis.scope import (
    NO_FACTS,
    Scope,
    conjuncts,
    facts_if_true,
    joins_in,
    key_of,
    key_of_column,
    limit_of,
    relations_in,
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
    """An expression that is compared with a value, by an operator that may be `=`."""

    expression: Node
    # None is a value from outside of the query
    value: Node | None
    operator: int
    collation: int


def at_most_one(scope: Scope, fixed_columns: Sequence[Equality] = ()) -> bool:
    """Say whether a query can return no second row.

    `fixed_columns` are columns of its relations that have the same value in all rows that count.
    """
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
        return _are_single(scope, fixed_columns)
    fixed = _fixed([*fixed_columns, *_equalities(scope.conditions)], scope, frozenset())
    return all(_is_fixed_key(scope, key, fixed) for key in keys) or _are_single(
        scope, fixed_columns
    )


def _is_ruled(scope: Scope) -> bool:
    return scope.catalog.relation(scope.relation(scope.target).number("relid")).ruled


def _is_fixed_key(scope: Scope, key: Node, fixed: Sequence[Equality]) -> bool:
    """Say whether a key of `group by` is equal to a fixed value, by the operator that groups."""
    [expression] = [
        target.needed("expr")
        for target in scope.query.children("targetList")
        if target.number("ressortgroupref") == key.number("tleSortGroupRef")
    ]
    column = scope.flatten(expression) if expression.kind == "VAR" else expression
    return column.kind == "VAR" and any(
        equality.operator == key.number("eqop")
        and equality.collation == column.number("varcollid")
        and key_of(equality.expression, scope) == key_of(column, scope)
        for equality in fixed
    )


def _are_single(scope: Scope, fixed_columns: Sequence[Equality]) -> bool:
    """Say whether no relation has a second row that counts.

    One relation after the other is found to be single: a unique key of it is equal to values that
    are fixed, or that are columns of relations found before.
    """
    if JoinType.FULL in scope.join_types.values():
        return False
    remaining = _row_sources(scope)
    conditions = {number: list(scope.conditions) for number in remaining}
    for join in joins_in(scope.query.child("jointree")):
        kind, quals = scope.join_types[join.number("rtindex")], conjuncts(join.child("quals"))
        left, right = relations_in(join.needed("larg")), relations_in(join.needed("rarg"))
        for number in left if kind in {JoinType.INNER, JoinType.RIGHT} else ():
            conditions[number] += quals
        for number in right if kind in {JoinType.INNER, JoinType.LEFT} else ():
            conditions[number] += quals
    single: frozenset[int] = frozenset()
    while remaining:
        newly_single = {
            number
            for number in remaining
            if _is_single(scope, number, conditions[number], single, fixed_columns)
        }
        if not newly_single:
            return False
        single |= newly_single
        remaining -= newly_single
    return True


def _row_sources(scope: Scope) -> set[int]:
    """Return the relations whose rows make the rows of the result."""
    tree = scope.query.child("jointree")
    sources = set(relations_in(tree)) if tree else set[int]()
    if scope.command in {CmdType.UPDATE, CmdType.DELETE}:
        sources.add(scope.target)
    return sources


def _is_single(
    scope: Scope,
    number: int,
    conditions: list[Node],
    single: frozenset[int],
    fixed_columns: Sequence[Equality],
) -> bool:
    """Say whether a relation has no second row that counts, where others have none."""
    relation = scope.relation(number)
    fixed = _fixed([*fixed_columns, *_equalities(conditions)], scope, single)
    match relation.number("rtekind"):
        case RTEKind.FUNCTION:
            calls = [function.needed("funcexpr") for function in relation.children("functions")]
            return not any(call.flag("funcretset") for call in calls)
        case RTEKind.VALUES:
            return len(relation.rows("values_lists")) <= 1
        case _:
            source = scope.source(number)
            # the rows of a materialized view may be older than the unique keys of its tables,
            # but not older than its own
            if source is None or source.context.stale:
                return _has_fixed_key(scope, number, conditions, fixed)
            return at_most_one(source, _seen_within(source, number, fixed))


def _seen_within(source: Scope, number: int, equalities: Sequence[Equality]) -> list[Equality]:
    """Return the equalities of columns of a relation as equalities within its query."""
    within: list[Equality] = []
    for equality in equalities:
        var = equality.expression
        is_column = var.kind == "VAR" and not var.number("varlevelsup")
        column = var.number("varattno")
        if is_column and var.number("varno") == number and 0 < column <= len(source.targets):
            expression = _uncast(source.targets[column - 1].needed("expr"))
            within.append(Equality(expression, None, equality.operator, equality.collation))
    return within


def _equalities(conditions: list[Node]) -> list[Equality]:
    """Return what the conditions compare, each side as the expression once.

    The operators are not looked at yet: what equality is depends on the unique key.
    """
    equalities: list[Equality] = []
    for condition in conditions:
        sides = condition.children("args")
        if condition.kind == "OPEXPR" and len(sides) == 2:  # noqa: PLR2004 - left and right
            operator, collation = condition.number("opno"), condition.number("inputcollid")
            left, right = sides
            equalities.append(Equality(_uncast(left), right, operator, collation))
            equalities.append(Equality(_uncast(right), left, operator, collation))
    return equalities


def _uncast(expression: Node) -> Node:
    """Return an expression without the casts that change no value."""
    while expression.kind == "RELABELTYPE":
        expression = expression.needed("arg")
    return expression


def _fixed(equalities: list[Equality], scope: Scope, single: frozenset[int]) -> list[Equality]:
    """Return the equalities whose value is the same in every row."""
    return [
        equality
        for equality in equalities
        if equality.value is None or _is_fixed(equality.value, scope, single)
    ]


def _is_fixed(  # noqa: PLR0911 - a rule a return
    value: Value, scope: Scope, single: frozenset[int], depth: int = 0
) -> bool:
    """Say whether a part of an expression is the same in every row.

    Its columns have to be of relations that have a single row. `depth` is the number of
    sub-selects that the part stands within.
    """
    if isinstance(value, list):
        return all(_is_fixed(item, scope, single, depth) for item in value)
    if not isinstance(value, Node):
        return True
    if value.kind == "VAR" and value.number("varlevelsup") == depth:
        flat = scope.flatten(value.replaced(varlevelsup="0"))
        if flat.kind != "VAR":
            return _is_fixed(flat, scope, single)
        return flat.number("varno") in single
    if value.kind == "NEXTVALUEEXPR":
        return False
    if any(scope.catalog.function(oid).volatile for oid in value.functions()):
        return False
    inner_depth = depth + 1 if value.kind == "QUERY" else depth
    return all(_is_fixed(field, scope, single, inner_depth) for field in value.fields.values())


def _has_fixed_key(
    scope: Scope, number: int, conditions: list[Node], fixed: list[Equality]
) -> bool:
    """Say whether all columns of a unique key of a relation are equal to fixed values."""
    entry = scope.relation(number)
    if entry.number("rtekind") != RTEKind.RELATION:
        return False
    relation = scope.catalog.relation(entry.number("relid"))
    if not relation.is_table and relation.kind != RelKind.MATVIEW:
        return False
    # a unique index has the rows of all partitions of a table, but not those of child tables
    if relation.kind == RelKind.RELATION and relation.has_children and entry.flag("inh"):
        return False
    return any(
        _is_fixed_index(scope, number, index, fixed) and _applies(scope, number, index, conditions)
        for index in scope.catalog.unique_indexes(entry.number("relid"))
    )


def _is_fixed_index(scope: Scope, number: int, index: UniqueIndex, fixed: list[Equality]) -> bool:
    """Say whether each column of an index is equal to a fixed value."""
    expressions = iter(index.expressions)
    columns = zip(index.attributes, index.equalities, index.collations, strict=True)
    for attribute, operators, collation in columns:
        if attribute:
            key = key_of_column(number, attribute)
        else:
            key = key_of(_uncast(_renumbered(next(expressions), number)), scope)
        if not any(
            equality.operator in operators
            and equality.collation == collation
            and key_of(equality.expression, scope) == key
            for equality in fixed
        ):
            return False
    return True


def _applies(scope: Scope, number: int, index: UniqueIndex, conditions: list[Node]) -> bool:
    """Say whether a partial index has all rows for which the conditions are true."""
    keys = {key_of(condition, scope) for condition in conditions}
    facts = NO_FACTS.union(*(facts_if_true(condition, scope) for condition in conditions))
    for index_condition in index.condition:
        condition = _renumbered(index_condition, number)
        follows = (
            condition.kind == "NULLTEST"
            and condition.number("nulltesttype") == NullTestType.IS_NOT_NULL
            and key_of(condition.child("arg"), scope) in facts
        )
        if not follows and key_of(condition, scope) not in keys:
            return False
    return True


def _renumbered(node: Node, number: int) -> Node:
    """Return an expression of an index with the number that its table has in the query."""
    renumbered = Node(
        node.kind, {name: _renumbered_value(value, number) for name, value in node.fields.items()}
    )
    if node.kind == "VAR":
        renumbered.fields["varno"] = str(number)
    return renumbered


def _renumbered_value(value: Value, number: int) -> Value:
    if isinstance(value, Node):
        return _renumbered(value, number)
    if isinstance(value, list):
        return [_renumbered_value(item, number) for item in value]
    return value
