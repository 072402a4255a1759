"""The type of an expression of the analysed tree."""

from dbkit.analysis.nodes import Node
from dbkit.analysis.scope import Scope

_BOOLEAN, _INTEGER, _TEXT = 16, 23, 25
UNKNOWN = 0
_FIELDS = {
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
_SCALAR, _ARRAY = 4, 6


def type_of(expression: Node | None, scope: Scope) -> int:  # noqa: PLR0911 - a rule a return
    """Return the number of an expression's type, or UNKNOWN."""
    if expression is None:
        return UNKNOWN
    kind = expression.kind
    if kind in _FIELDS:
        return expression.number(_FIELDS[kind])
    if kind in _BOOLEANS:
        return _BOOLEAN
    match kind:
        case "SUBLINK":
            return _type_of_subselect(expression, scope)
        case "COLLATEEXPR" | "NAMEDARGEXPR":
            return type_of(expression.child("arg"), scope)
        case "GROUPINGFUNC":
            return _INTEGER
        case "MERGESUPPORTFUNC":
            return _TEXT
        case "JSONCONSTRUCTOREXPR" | "JSONEXPR":
            returning = expression.child("returning")
            return returning.number("typid") if returning else UNKNOWN
        case _:
            return UNKNOWN


def _type_of_subselect(expression: Node, scope: Scope) -> int:
    kind = expression.number("subLinkType")
    if kind not in {_SCALAR, _ARRAY}:
        return _BOOLEAN
    inner = scope.inner(expression.needed("subselect"))
    found = type_of(inner.targets[0].child("expr"), inner)
    return scope.catalog.array_of(found) if kind == _ARRAY else found
