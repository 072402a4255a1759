"""Find the equalities that fix a row: a unique key bound to values that are already there."""

from typing import NamedTuple

from dbkit.analysis.catalog import UniqueIndex
from dbkit.analysis.facts import IS_NOT_NULL, NOTHING, Key, key_of, truths
from dbkit.analysis.nodes import Node, Value
from dbkit.analysis.scope import RELATION, Scope

_FUNCTIONS = ("funcid", "opfuncid", "aggfnoid", "winfnoid")


class Equality(NamedTuple):
    """An expression that has to be equal to a value."""

    expression: Node
    # None is a value that comes from outside of the query
    value: Node | None
    operator: int
    collation: int


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
    if entry.number("rtekind") != RELATION:
        return False
    relation = scope.catalog.relation(entry.number("relid"))
    # children of an inheritance parent are not in its index; those of a partitioned table are
    if relation.kind not in {"r", "p", "m"} or (
        relation.kind == "r" and relation.has_children and entry.flag("inh")
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
            and here.number("nulltesttype") == IS_NOT_NULL
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
    functions = [value.number(one) for one in _FUNCTIONS if one in value]
    if any(scope.catalog.function(one).volatile for one in functions):
        return False
    below = depth + 1 if value.kind == "QUERY" else depth
    return all(_is_fixed(one, scope, single, below) for one in value.fields.values())
