"""Say of which type the value of an expression is."""

from dbkit.analysis.nodes import Node
from dbkit.analysis.oids import BOOLOID, INT4OID, TEXTOID
from dbkit.analysis.scope import Scope
from dbkit.analysis.vocabulary import SubLinkType

UNKNOWN_TYPE = 0
# the field of a node that has the type of its value
_TYPE_FIELDS = {
    "AGGREF": "aggtype",
    "ARRAYCOERCEEXPR": "resulttype",
    "ARRAYEXPR": "array_typeid",
    "CASEEXPR": "casetype",
    "COALESCEEXPR": "coalescetype",
    "COERCETODOMAIN": "resulttype",
    "COERCEVIAIO": "resulttype",
    "CONST": "consttype",
    "CONVERTROWTYPEEXPR": "resulttype",
    "FIELDSELECT": "resulttype",
    "FUNCEXPR": "funcresulttype",
    "MINMAXEXPR": "minmaxtype",
    "NEXTVALUEEXPR": "typeId",
    "NULLIFEXPR": "opresulttype",
    "OPEXPR": "opresulttype",
    "PARAM": "paramtype",
    "RELABELTYPE": "resulttype",
    "ROWEXPR": "row_typeid",
    "SQLVALUEFUNCTION": "type",
    "SUBSCRIPTINGREF": "refrestype",
    "VAR": "vartype",
    "WINDOWFUNC": "wintype",
    "XMLEXPR": "type",
}
_BOOLEANS = frozenset(
    {
        "BOOLEANTEST", "BOOLEXPR", "CURRENTOFEXPR", "DISTINCTEXPR", "JSONISPREDICATE",
        "NULLTEST", "ROWCOMPAREEXPR", "SCALARARRAYOPEXPR",
    }
)  # fmt: skip


def type_of(expression: Node | None, scope: Scope) -> int:  # noqa: PLR0911 - a rule a return
    """Return the oid of the type of an expression, or UNKNOWN_TYPE."""
    if expression is None:
        return UNKNOWN_TYPE
    kind = expression.kind
    if kind in _TYPE_FIELDS:
        return expression.number(_TYPE_FIELDS[kind])
    if kind in _BOOLEANS:
        return BOOLOID
    match kind:
        case "SUBLINK":
            return _type_of_sublink(expression, scope)
        case "COLLATEEXPR" | "NAMEDARGEXPR":
            return type_of(expression.child("arg"), scope)
        case "GROUPINGFUNC":
            return INT4OID
        case "MERGESUPPORTFUNC":
            return TEXTOID
        case "JSONCONSTRUCTOREXPR" | "JSONEXPR":
            returning = expression.child("returning")
            return returning.number("typid") if returning else UNKNOWN_TYPE
        case _:
            return UNKNOWN_TYPE


def _type_of_sublink(expression: Node, scope: Scope) -> int:
    kind = expression.number("subLinkType")
    if kind not in {SubLinkType.EXPR, SubLinkType.ARRAY}:
        return BOOLOID
    inner = scope.inner(expression.needed("subselect"))
    type_oid = type_of(inner.targets[0].child("expr"), inner)
    return scope.catalog.array_of(type_oid) if kind == SubLinkType.ARRAY else type_oid
