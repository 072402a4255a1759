"""Conclude from a condition whose the columns of a relation are where it holds."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dbkit.analysis import IS_NULL, Node, conjuncts
from dbkit.tenancy.restrictions import implies_its_conditions
from dbkit.tenancy.tags import TENANT_OR_NOBODY, Tags, common

if TYPE_CHECKING:
    from dbkit.tenancy.binding import Binding

EXISTS, ANY, SCALAR = 0, 2, 4
_OF_SUBLINK = 2
_TYPES = {
    "VAR": "vartype",
    "PARAM": "paramtype",
    "RELABELTYPE": "resulttype",
    "COERCETODOMAIN": "resulttype",
}


def conclude(binding: "Binding", conditions: Iterable[Node], number: int) -> dict[int, Tags]:
    """Return what the columns of a relation are where all these conditions hold."""
    found: defaultdict[int, Tags] = defaultdict(frozenset)
    for one in conditions:
        for column, tags in _conclusions(binding, one, number):
            found[column] |= tags
    return {column: tags for column, tags in found.items() if tags}


def sides(call: Node) -> Iterator[tuple[Node, Node]]:
    """Give what an operator compares, either side first."""
    compared = call.children("args")
    if call.kind == "OPEXPR" and len(compared) == 2:  # noqa: PLR2004 - left and right
        left, right = compared
        yield left, right
        yield right, left


def lifted(var: Node, levels: int) -> Node:
    """Return a column as the query so many levels around names it."""
    return Node("VAR", {**var.fields, "varlevelsup": str(var.number("varlevelsup") - levels)})


def type_of(expression: Node) -> int:
    """Return the type of an expression that is no call, 0 for any other."""
    if expression.kind == "SUBLINK" and expression.number("subLinkType") == SCALAR:
        [target, *_] = expression.needed("subselect").children("targetList")
        return type_of(target.needed("expr"))
    return expression.number(_TYPES.get(expression.kind, ""))


def _conclusions(binding: "Binding", condition: Node, number: int) -> Iterator[tuple[int, Tags]]:
    match condition.kind:
        case "OPEXPR":
            for one, other in sides(condition):
                column = binding.column(one, number)
                if column and _is_equality(binding, condition, one, binding.plain(other)):
                    yield column, binding.tags(other)
        case "NULLTEST" if condition.number("nulltesttype") == IS_NULL:
            column = binding.column(condition.needed("arg"), number)
            if column:
                yield column, frozenset({TENANT_OR_NOBODY})
        case "BOOLEXPR" if condition.word("boolop") == "or":
            arms = [conclude(binding, conjuncts(one), number) for one in condition.children("args")]
            for column in set(arms[0]).intersection(*arms):
                yield column, common([arm[column] for arm in arms])
        case "SUBLINK" if condition.number("subLinkType") == ANY:
            yield from _member(binding, condition, number)
        case "SUBLINK" if condition.number("subLinkType") == EXISTS:
            yield from _existing(binding, condition, number)
        case _:
            pass


def _member(binding: "Binding", sublink: Node, number: int) -> Iterator[tuple[int, Tags]]:
    """Conclude from `in`: the value is one that the query within gives."""
    within = binding.within(sublink)
    for test in conjuncts(sublink.child("testexpr")):
        for one, other in sides(test):
            column, found = binding.column(one, number), binding.plain(other)
            is_result = found.kind == "PARAM" and found.number("paramkind") == _OF_SUBLINK
            if column and is_result and _is_equality(binding, test, one, found):
                yield column, within.output(found.number("paramid"))


def _existing(binding: "Binding", sublink: Node, number: int) -> Iterator[tuple[int, Tags]]:
    """Conclude from `exists`: there is a row for which its conditions hold."""
    within = binding.within(sublink)
    if not implies_its_conditions(within.scope):
        return
    for condition in within.scope.conditions:
        for one, other in sides(condition):
            outside = within.plain(one)
            if outside.kind == "VAR" and outside.number("varlevelsup") == 1:
                here = lifted(outside, 1)
                column = binding.column(here, number)
                if column and _is_equality(binding, condition, here, within.plain(other)):
                    yield column, within.tags(other)


def _is_equality(binding: "Binding", call: Node, one: Node, other: Node) -> bool:
    """Say whether the very same values are compared for equality; `other` is plain."""
    types = type_of(binding.plain(one)), type_of(other)
    return binding.asked.ownership.is_equality(
        call.number("opno"), call.number("inputcollid"), *types
    )
