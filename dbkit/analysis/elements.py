"""Prove that an array holds no null."""

from collections.abc import Callable, Iterable, Mapping

from dbkit.analysis.expressiontypes import type_of
from dbkit.analysis.known_functions import NO_NULL_ELEMENTS, SAME_ELEMENTS, SPLITTING, is_total
from dbkit.analysis.nodes import Node
from dbkit.analysis.oids import F_ARRAY_AGG_ANYNONARRAY
from dbkit.analysis.proof import Proof
from dbkit.analysis.scope import facts_if_true
from dbkit.analysis.vocabulary import SubLinkType

_UNKNOWN = "the array may hold a null"


def elements_doubt(proof: Proof, array: Node) -> str:
    """Return why an element of an array may be null, if the array is not null itself."""
    rule = _ELEMENT_RULES.get(array.kind)
    return rule(proof, array) if rule else _UNKNOWN


def _elements_doubt_unless_all(proof: Proof, arrays: Iterable[Node]) -> str:
    return next(filter(None, (elements_doubt(proof, array) for array in arrays)), "")


def _listed_elements_doubt(proof: Proof, array: Node) -> str:
    elements = array.children("elements")
    if array.flag("multidims"):
        return _elements_doubt_unless_all(proof, elements)
    return proof.doubt_unless_all(elements)


def _constant_elements_doubt(_proof: Proof, array: Node) -> str:
    # after its length and its number of dimensions, an array has the place of its data if some
    # element is null, and 0 if none is
    is_without_null = array.flag("constisnull") or not any(array.datum()[8:12])
    return "" if is_without_null else "the array holds a null"


def _inner_elements_doubt(proof: Proof, node: Node) -> str:
    return elements_doubt(proof, node.needed("arg"))


def _slice_elements_doubt(proof: Proof, node: Node) -> str:
    if is_slice(node):
        return elements_doubt(proof, node.needed("refexpr"))
    return _UNKNOWN


def _cast_elements_doubt(proof: Proof, node: Node) -> str:
    cast = node.needed("elemexpr")
    while cast.kind in {"RELABELTYPE", "COERCEVIAIO"}:
        cast = cast.needed("arg")
    if cast.kind == "FUNCEXPR" and is_total(proof.scope.catalog.function(cast.number("funcid"))):
        cast = cast.children("args")[0]
    if cast.kind != "CASETESTEXPR":
        return "the cast of an element may return null"
    return elements_doubt(proof, node.needed("arg"))


def _gathered_elements_doubt(proof: Proof, call: Node) -> str:
    is_of_values = call.number("aggfnoid") == F_ARRAY_AGG_ANYNONARRAY
    if not is_of_values or call.number("agglevelsup"):
        return _UNKNOWN
    kept = facts_if_true(call.child("aggfilter"), proof.scope)
    rows = Proof.rows_of(proof.scope.with_facts(kept))
    return rows.doubt(call.children("args")[0].child("expr"))


def _selected_elements_doubt(proof: Proof, node: Node) -> str:
    kind = node.number("subLinkType")
    if kind not in {SubLinkType.ARRAY, SubLinkType.EXPR}:
        return _UNKNOWN
    inner = proof.scope.inner(node.needed("subselect"))
    target = inner.targets[0].needed("expr")
    if kind == SubLinkType.EXPR:
        is_one_query = "setOperations" not in inner.query
        return elements_doubt(Proof.results_of(inner), target) if is_one_query else _UNKNOWN
    type_oid = type_of(target, inner)
    # an array has no array type of its own: of arrays, one with more dimensions is made
    if not proof.scope.catalog.array_of(type_oid):
        return _UNKNOWN
    return proof.output_doubt(inner, 1)


def _returned_elements_doubt(proof: Proof, call: Node) -> str:  # noqa: PLR0911 - a rule a return
    function = proof.scope.catalog.function(call.number("opfuncid") or call.number("funcid"))
    arguments = call.children("args")
    if not function.builtin:
        return _UNKNOWN
    if function.name in NO_NULL_ELEMENTS or function.oid in SPLITTING:
        return ""
    if function.name == "array_remove" and arguments[1].flag("constisnull"):
        return ""
    match function.name:
        case "array_append":
            return elements_doubt(proof, arguments[0]) or proof.doubt(arguments[1])
        case "array_prepend":
            return elements_doubt(proof, arguments[1]) or proof.doubt(arguments[0])
        case "array_cat":
            return _elements_doubt_unless_all(proof, arguments)
        case name if name in SAME_ELEMENTS:
            return elements_doubt(proof, arguments[0])
        case _:
            return _UNKNOWN


_ELEMENT_RULES: Mapping[str, Callable[[Proof, Node], str]] = {
    "AGGREF": _gathered_elements_doubt,
    "ARRAYCOERCEEXPR": _cast_elements_doubt,
    "ARRAYEXPR": _listed_elements_doubt,
    "COALESCEEXPR": lambda proof, node: _elements_doubt_unless_all(proof, node.children("args")),
    "CONST": _constant_elements_doubt,
    "FUNCEXPR": _returned_elements_doubt,
    "OPEXPR": _returned_elements_doubt,
    "RELABELTYPE": _inner_elements_doubt,
    "SUBLINK": _selected_elements_doubt,
    "SUBSCRIPTINGREF": _slice_elements_doubt,
}


def is_slice(node: Node) -> bool:
    """Say whether a subscript asks for a part of an array, as in `tags[1:2]`."""
    return "reflowerindexpr" in node and "refassgnexpr" not in node
