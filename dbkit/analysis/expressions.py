"""The doubts about each kind of expression but columns and aggregates."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dbkit.analysis.catalog import FIRST_FOREIGN_OID, CatalogFunction
from dbkit.analysis.constants import text_of
from dbkit.analysis.facts import falses, truths
from dbkit.analysis.known_functions import ALL_COLUMNS, ALWAYS, BY_FIRST_ARGUMENT, is_total
from dbkit.analysis.nodes import Node

if TYPE_CHECKING:
    from dbkit.analysis.proof import Proof

_EXISTS, _ALL, _ANY, _, _SCALAR, _, _ARRAY = range(7)
_EXTERNAL_PARAMETER = 0
_CURRENT_SCHEMA = 14
_JSON_EXISTS = 0
_ON_ERROR_NULL = {0, 5}
_ENDLESS_FIELDS = frozenset({"century", "decade", "epoch", "millennium", "year"})


def _never(_proof: "Proof", _node: Node) -> str:
    return ""


def _constant(_proof: "Proof", node: Node) -> str:
    return "null itself" if node.flag("constisnull") else ""


def _parameter(proof: "Proof", node: Node) -> str:
    number = node.number("paramid")
    if node.number("paramkind") != _EXTERNAL_PARAMETER:
        return "nothing is known of such a parameter"
    return f"${number} may be null" if number in proof.scope.setting.nullable_parameters else ""


def _argument(proof: "Proof", node: Node) -> str:
    return proof.doubt(node.child("arg"))


def _arguments(proof: "Proof", node: Node) -> str:
    return proof.doubt_of_any(node.children("args"))


def _any_argument(proof: "Proof", node: Node) -> str:
    return proof.doubt_of_all(node.children("args"))


def _domain(proof: "Proof", node: Node) -> str:
    if proof.scope.catalog.refuses_null(node.number("resulttype")):
        return ""
    return _argument(proof, node)


def _session_value(_proof: "Proof", node: Node) -> str:
    return "current_schema may be null" if node.number("op") == _CURRENT_SCHEMA else ""


def _call(proof: "Proof", node: Node) -> str:  # noqa: PLR0911 - a rule a return
    catalog = proof.scope.catalog
    function = catalog.function(node.number("opfuncid") or node.number("funcid"))
    arguments = node.children("args")
    if node.kind == "OPEXPR" and not is_total(function):
        return f"operator {catalog.operator_name(node.number('opno'))} may return null"
    doubt = f"{function.name} may return null"
    if not function.builtin:
        return doubt
    if function.returns_set:
        if function.name not in ALL_COLUMNS or _set_calls(proof) != 1:
            return doubt
        return ""
    if is_total(function) or _is_monotonic(function, arguments):
        return proof.doubt_of_any(arguments)
    if function.name == "array_cat":
        return proof.doubt_of_all(arguments)
    if function.name not in ALWAYS | BY_FIRST_ARGUMENT:
        return doubt
    if node.flag("funcvariadic"):
        return proof.doubt_of_any(arguments)
    return "" if function.name in ALWAYS else proof.doubt(arguments[0])


def _is_monotonic(function: CatalogFunction, arguments: list[Node]) -> bool:
    """Say whether it takes a field of a time that even an infinite time has."""
    return function.name in {"extract", "date_part"} and text_of(arguments[0]) in _ENDLESS_FIELDS


def _set_calls(proof: "Proof") -> int:
    """Count the set-returning calls of a result: the shorter set is filled up with nulls."""
    return sum(
        node.flag("funcretset") or node.flag("opretset")
        for target in proof.scope.query.children("targetList")
        for node in target.walk()
    )


def _any_of_array(proof: "Proof", node: Node) -> str:
    if not is_total(proof.scope.catalog.function(node.number("opfuncid"))):
        return "the operator may return null"
    value, elements = node.children("args")
    return proof.doubt(value) or _elements(proof, elements)


def _elements(proof: "Proof", array: Node) -> str:
    if array.kind == "ARRAYEXPR" and not array.flag("multidims"):
        return proof.doubt_of_any(array.children("elements"))
    if array.kind == "RELABELTYPE":
        return _elements(proof, array.needed("arg"))
    return "the array may hold a null"


def _row_comparison(proof: "Proof", node: Node) -> str:
    if any(operator >= FIRST_FOREIGN_OID for operator in node.numbers("opnos")):
        return "the operator may return null"
    return proof.doubt_of_any([*node.children("largs"), *node.children("rargs")])


def _case(proof: "Proof", node: Node) -> str:
    scope = proof.scope
    remaining = proof
    for branch in node.children("args"):
        condition = branch.needed("expr")
        plain = "arg" not in node
        taken = remaining.given(truths(condition, scope)) if plain else remaining
        doubt = taken.doubt(branch.needed("result"))
        if doubt:
            return doubt
        # what is not true may be unknown instead of false, unless it never is
        if plain and not remaining.doubt(condition):
            remaining = remaining.given(falses(condition, scope))
    if "defresult" not in node or node.needed("defresult").flag("constisnull"):
        return "case without else"
    return remaining.doubt(node.child("defresult"))


def _subselect(proof: "Proof", node: Node) -> str:
    kind = node.number("subLinkType")
    if kind in {_EXISTS, _ARRAY}:
        return ""
    inner = proof.scope.inner(node.needed("subselect"))
    if kind == _SCALAR:
        if not inner.certain_row():
            return "the subselect may find no row"
        return proof.output(inner, 1)
    test = node.child("testexpr")
    if kind not in {_ANY, _ALL} or test is None or test.kind != "OPEXPR":
        return "nothing is known of such a subselect"
    if not is_total(proof.scope.catalog.function(test.number("opfuncid"))):
        return "the operator may return null"
    return proof.doubt(test.children("args")[0]) or proof.output(inner, 1)


def _json_constructor(proof: "Proof", node: Node) -> str:
    match node.number("type"):
        case 1 | 2:
            return ""
        case 3 | 4:
            return proof.doubt(node.child("func"))
        case _:
            return _arguments(proof, node)


def _json_expression(proof: "Proof", node: Node) -> str:
    failing = node.child("on_error")
    if node.number("op") != _JSON_EXISTS or failing is None:
        return "the path may find nothing"
    if failing.number("btype") in _ON_ERROR_NULL:
        return "the path may be unknown"
    return proof.doubt(node.child("formatted_expr")) or proof.doubt(node.child("path_spec"))


def _json_test(proof: "Proof", node: Node) -> str:
    return proof.doubt(node.child("expr"))


def _reason(reason: str) -> Callable[["Proof", Node], str]:
    return lambda _proof, _node: reason


RULES: Mapping[str, Callable[["Proof", Node], str]] = {
    "ARRAYCOERCEEXPR": _argument,
    "ARRAYEXPR": _never,
    "BOOLEANTEST": _never,
    "BOOLEXPR": _arguments,
    "CASEEXPR": _case,
    "COALESCEEXPR": _any_argument,
    "COERCETODOMAIN": _domain,
    "COERCEVIAIO": _argument,
    "COLLATEEXPR": _argument,
    "CONST": _constant,
    "CONVERTROWTYPEEXPR": _argument,
    "DISTINCTEXPR": _never,
    "FIELDSELECT": _reason("a field of a row may be null"),
    "FUNCEXPR": _call,
    "GROUPINGFUNC": _never,
    "JSONCONSTRUCTOREXPR": _json_constructor,
    "JSONEXPR": _json_expression,
    "JSONISPREDICATE": _json_test,
    "MERGESUPPORTFUNC": _never,
    "MINMAXEXPR": _any_argument,
    "NAMEDARGEXPR": _argument,
    "NEXTVALUEEXPR": _never,
    "NULLIFEXPR": _reason("nullif is null where both are equal"),
    "NULLTEST": _never,
    "OPEXPR": _call,
    "PARAM": _parameter,
    "RELABELTYPE": _argument,
    "ROWCOMPAREEXPR": _row_comparison,
    "ROWEXPR": _never,
    "SCALARARRAYOPEXPR": _any_of_array,
    "SQLVALUEFUNCTION": _session_value,
    "SUBLINK": _subselect,
    "SUBSCRIPTINGREF": _reason("there may be no such element"),
}
