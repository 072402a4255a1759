"""Prove that at most one row comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dbkit.analysis.catalog import Catalog, UniqueIndex
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
    """Say whether a rule may decide what a change returns."""
    return _has_rule(scope.catalog, scope.relation(scope.target).number("relid"))


def _has_rule(catalog: Catalog, relid: int) -> bool:
    """Say whether a relation has a rule, or a relation that it is a view of."""
    relation = catalog.relation(relid)
    if relation.ruled or relation.kind != RelKind.VIEW:
        return relation.ruled
    view = catalog.view(relid)
    if view is None:
        return True
    # before 16, the query of a view names the view itself
    below = {entry.number("relid") for entry in view.children("rtable")} - {0, relid}
    return any(_has_rule(catalog, oid) for oid in below)


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


@dataclass(slots=True)
class _Joining:
    """How the relations of a scope depend on each other, each by its number."""

    # the conditions that are true of the rows of a relation that count
    conditions: dict[int, list[Node]]
    # the relations that decide which rows there are: those that a lateral relation refers to, and
    # those that an outer join keeps, for whose rows a relation is there or left out
    deciding: dict[int, frozenset[int]]
    # the relations that may show another row each time that the server reads them
    unsteady: frozenset[int]


def _are_single(scope: Scope, fixed_columns: Sequence[Equality]) -> bool:
    """Say whether no relation has a second row that counts.

    One relation after the other is found to be single: a unique key of it is equal to values that
    are fixed, or that are columns of relations found before.
    """
    if JoinType.FULL in scope.join_types.values():
        return False
    remaining = _row_sources(scope)
    joining = _joining(scope, remaining)
    single: frozenset[int] = frozenset()
    # those whose one row has the same values wherever it is read
    steady: frozenset[int] = frozenset()
    while remaining:
        newly_single = {
            number
            for number in remaining
            if joining.deciding[number] <= single
            and _is_single(scope, number, joining.conditions[number], steady, fixed_columns)
        }
        if not newly_single:
            return False
        single |= newly_single
        steady |= {
            number
            for number in newly_single - joining.unsteady
            if joining.deciding[number] <= steady
        }
        remaining -= newly_single
        if scope.target in newly_single and _is_stored(scope, scope.target):
            # a row is changed once, however many rows of other relations it is joined to
            return True
    return True


def _joining(scope: Scope, numbers: set[int]) -> _Joining:
    joining = _Joining(
        conditions={number: list(scope.conditions) for number in numbers},
        deciding={number: _referred(scope.relation(number), scope) for number in numbers},
        unsteady=frozenset(number for number in numbers if _is_evaluated_anew(scope, number)),
    )
    for join in joins_in(scope.query.child("jointree")):
        kind, quals = scope.join_types[join.number("rtindex")], conjuncts(join.child("quals"))
        left, right = relations_in(join.needed("larg")), relations_in(join.needed("rarg"))
        for number in left if kind in {JoinType.INNER, JoinType.RIGHT} else ():
            joining.conditions[number] += quals
        for number in right if kind in {JoinType.INNER, JoinType.LEFT} else ():
            joining.conditions[number] += quals
        if kind != JoinType.INNER:
            kept, left_out = (left, right) if kind == JoinType.LEFT else (right, left)
            for number in left_out:
                joining.deciding[number] |= kept
            if any(_is_volatile(condition, scope.catalog) for condition in quals):
                joining.unsteady |= left_out
    return joining


def _is_stored(scope: Scope, number: int) -> bool:
    return scope.catalog.relation(scope.relation(number).number("relid")).is_table


def _referred(value: Value, scope: Scope, depth: int = 0) -> frozenset[int]:
    """Return the relations of a scope that a part of it refers to.

    `depth` is the number of queries that the part stands within.
    """
    if isinstance(value, list):
        return frozenset[int]().union(*(_referred(item, scope, depth) for item in value))
    if not isinstance(value, Node):
        return frozenset()
    if value.kind == "VAR":
        if value.number("varlevelsup") != depth:
            return frozenset()
        flat = scope.flatten(value.replaced(varlevelsup="0"))
        if flat.kind != "VAR":
            return _referred(flat, scope)
        number = flat.number("varno")
        # the row of a join, or a column that it merges, is of all that it joins
        return _joined(scope, number) or frozenset({number})
    inner_depth = depth + 1 if value.kind == "QUERY" else depth
    return _referred(list(value.fields.values()), scope, inner_depth)


def _joined(scope: Scope, number: int) -> frozenset[int]:
    """Return the relations that a join is of, none if the number is not one of a join."""
    joins = joins_in(scope.query.child("jointree"))
    return frozenset[int]().union(
        *(relations_in(join) for join in joins if join.number("rtindex") == number)
    )


def _is_evaluated_anew(scope: Scope, number: int) -> bool:
    """Say whether a relation may show another row each time that the server reads it.

    A `with` query is evaluated once, and so is a function whose arguments are not of other
    relations.
    """
    relation = scope.relation(number)
    if relation.number("rtekind") == RTEKind.FUNCTION and not _referred(relation, scope):
        return False
    return _is_volatile(relation, scope.catalog)


def _is_volatile(part: Node, catalog: Catalog) -> bool:
    """Say whether a part of a statement may have another value each time it is evaluated."""
    views: dict[int, Node | None] = {}
    _collect_views(part, catalog, views)
    return any(
        query is None or _calls_volatile(query, catalog) for query in (part, *views.values())
    )


def _calls_volatile(part: Node, catalog: Catalog) -> bool:
    return any(
        node.kind == "NEXTVALUEEXPR"
        or any(catalog.function(oid).volatile for oid in node.functions())
        for node in part.walk()
    )


def _collect_views(part: Node, catalog: Catalog, views: dict[int, Node | None]) -> None:
    """Note the views that a part names, and those that they name; each is read once.

    Before 16, the query of a view names the view itself.
    """
    for node in part.walk():
        relid = node.number("relid")
        if node.word("relkind") == RelKind.VIEW and relid not in views:
            view = views[relid] = catalog.view(relid)
            if view is not None:
                _collect_views(view, catalog, views)


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
    steady: frozenset[int],
    fixed_columns: Sequence[Equality],
) -> bool:
    """Say whether a relation has no second row that counts, for one row of those it refers to."""
    relation = scope.relation(number)
    fixed = _fixed([*fixed_columns, *_equalities(conditions)], scope, steady)
    match relation.number("rtekind"):
        case RTEKind.FUNCTION:
            calls = [function.needed("funcexpr") for function in relation.children("functions")]
            return not any(part.flag("funcretset") for call in calls for part in call.walk())
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
    if source.command != CmdType.SELECT:
        # it shows new rows, and a trigger may give two of them a key that only one can keep
        return within
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


def _fixed(equalities: list[Equality], scope: Scope, steady: frozenset[int]) -> list[Equality]:
    """Return the equalities whose value is the same in every row."""
    return [
        equality
        for equality in equalities
        if equality.value is None or _is_fixed(equality.value, scope, steady)
    ]


def _is_fixed(value: Node, scope: Scope, steady: frozenset[int]) -> bool:
    """Say whether an expression is the same in every row: it is of columns of steady relations."""
    return _referred(value, scope) <= steady and not _is_volatile(value, scope.catalog)


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
            # a row is not null where none of its fields is, and a fact is of the row alone
            and not condition.flag("argisrow")
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
