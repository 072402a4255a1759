"""Find the parts of a value that is built of parts: rows, json objects and lists of them."""

from collections.abc import Callable
from typing import TypeAlias

from dbkit.analysis.nodes import JSON_TYPES, Node, is_empty_list, text_of
from dbkit.analysis.nulls import Proof, output_doubt
from dbkit.analysis.oids import BOOLOID, F_JSONB_CONCAT, F_JSONB_DELETE_JSONB_TEXT, INT4OID, TEXTOID
from dbkit.analysis.scope import NOTHING, Facts, Scope, truths, variable
from dbkit.analysis.typecatalog import TypeCatalog
from dbkit.analysis.vocabulary import (
    JsonConstructorType,
    RTEKind,
    SubLinkType,
)
from dbkit.pgtypes import Column, Shape, TypeKind

_BUILD_OBJECT = frozenset({"json_build_object", "jsonb_build_object"})
_BUILD_LIST = frozenset({"json_build_array", "jsonb_build_array"})
_FROM_ROW = frozenset({"to_json", "to_jsonb", "row_to_json"})
_AGGREGATES = frozenset({"json_agg", "jsonb_agg", "array_agg"})
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

_Rule: TypeAlias = Callable[[Proof, Node], Shape | None]


class Shapes:
    """The shapes of one statement."""

    def __init__(self, types: TypeCatalog) -> None:
        self._types = types
        self._rules: dict[str, _Rule] = {
            "AGGREF": self._of_aggregate,
            "ARRAYEXPR": self._of_array,
            "CASEEXPR": self._of_case,
            "COALESCEEXPR": self._of_coalesce,
            "COERCEVIAIO": self._of_cast,
            "FUNCEXPR": self._of_call,
            "JSONCONSTRUCTOREXPR": self._of_json,
            "OPEXPR": self._of_call,
            "RELABELTYPE": self._of_cast,
            "ROWEXPR": self._of_row,
            "SUBLINK": self._of_subselect,
            "VAR": self._of_variable,
        }

    def of_output(self, scope: Scope, attribute: int) -> Shape | None:
        """Return the shape of a column of a query's result."""
        operation = scope.query.child("setOperations")
        if operation is not None:
            return _one([self.of_output(arm, attribute) for arm in _arms(scope, operation)])
        targets = scope.targets
        if attribute > len(targets):
            return None
        return self.of(Proof.results_of(scope), targets[attribute - 1].needed("expr"))

    def of(self, proof: Proof, expression: Node) -> Shape | None:
        """Return the shape of an expression, None where it has none or none that is known."""
        rule = self._rules.get(expression.kind)
        return rule(proof, expression) if rule else None

    def _column(self, proof: Proof, name: str, expression: Node) -> Column | None:
        number = type_of(expression, proof.scope)
        if number == UNKNOWN:
            return None
        doubt = proof.doubt(expression)
        found = self._types.find(number)
        return Column(name, found, bool(doubt), doubt, self.of(proof, expression))

    def _of_variable(self, proof: Proof, var: Node) -> Shape | None:
        scope = proof.scope.outer(var.number("varlevelsup"))
        number, attribute = var.number("varno"), var.number("varattno")
        relation = scope.relation(number)
        if attribute == 0:
            known = proof.known if scope is proof.scope else NOTHING
            return self._of_whole_row(scope, var, known)
        if relation.number("rtekind") in {RTEKind.JOIN, RTEKind.GROUP}:
            here = Node("VAR", {**var.fields, "varlevelsup": "0"})
            flat = _unfold(scope, here)
            return self.of(Proof.results_of(scope), flat) if flat is not here else None
        source = scope.source(number)
        return self.of_output(source, attribute) if source else None

    def _of_whole_row(self, scope: Scope, var: Node, known: Facts) -> Shape | None:
        number = var.number("varno")
        relation = scope.relation(number)
        if relation.number("rtekind") in {RTEKind.JOIN, RTEKind.FUNCTION, RTEKind.GROUP}:
            return None
        # the parts are those of a row that is there
        there = scope.given(known | {variable(number, 0)})
        proof = Proof.rows_of(there)
        parts: list[Column] = []
        for attribute, name, type_number in _columns(there, number):
            fields = {
                **var.fields,
                "varattno": str(attribute),
                "varlevelsup": "0",
                "vartype": str(type_number),
            }
            part = self._column(proof, name, Node("VAR", fields))
            if part is None:
                return None
            parts.append(part)
        return Shape("row", scope.name(number), tuple(parts))

    def _of_row(self, proof: Proof, row: Node) -> Shape | None:
        found = self._types.find(row.number("row_typeid"))
        names = [name for name, _ in found.fields] or row.words("colnames")
        values = row.children("args")
        if len(names) != len(values):
            return None
        parts = [self._column(proof, *pair) for pair in zip(names, values, strict=True)]
        name = found.name if found.kind is TypeKind.COMPOSITE else ""
        return _made("row", name, parts)

    def _of_aggregate(self, proof: Proof, call: Node) -> Shape | None:
        function = proof.scope.catalog.function(call.number("aggfnoid"))
        if not function.builtin or function.name not in _AGGREGATES or call.number("agglevelsup"):
            return None
        scope = proof.scope.given(truths(call.child("aggfilter"), proof.scope))
        [element, *_] = [one.needed("expr") for one in call.children("args")]
        return self._list_of(Proof.rows_of(scope), element, json=function.name != "array_agg")

    def _list_of(self, proof: Proof, element: Node, *, json: bool) -> Shape | None:
        part = self._column(proof, "", element)
        if part is None or (part.type.kind is TypeKind.ARRAY and not json):
            return None
        if json:
            part = as_json(part)
        return Shape("list", part.shape.name if part.shape else "", (part,))

    def _of_array(self, proof: Proof, array: Node) -> Shape | None:
        elements = [self._column(proof, "", one) for one in array.children("elements")]
        found = [one for one in elements if one is not None]
        if array.flag("multidims") or not found or len(found) < len(elements):
            return None
        if len({(one.type.oid, one.shape) for one in found}) > 1:
            return None
        doubtful = next((one for one in found if one.nullable), found[0])
        return Shape("list", doubtful.shape.name if doubtful.shape else "", (doubtful,))

    def _of_subselect(self, proof: Proof, node: Node) -> Shape | None:
        kind = node.number("subLinkType")
        if kind not in {SubLinkType.EXPR, SubLinkType.ARRAY}:
            return None
        inner = proof.scope.inner(node.needed("subselect"))
        shape = self.of_output(inner, 1)
        if kind == SubLinkType.EXPR:
            return shape
        number = type_of(inner.targets[0].child("expr"), inner)
        found = self._types.find(number) if number else None
        if found is None or found.kind is TypeKind.ARRAY:
            return None
        doubt = output_doubt(proof, inner, 1)
        part = Column("", found, bool(doubt), doubt, shape)
        return Shape("list", shape.name if shape else "", (part,))

    def _of_coalesce(self, proof: Proof, node: Node) -> Shape | None:
        shapes: list[Shape | None] = []
        empty = False
        for one in node.children("args"):
            if _is_empty_list(proof, one):
                empty = True
            elif not one.flag("constisnull"):
                shapes.append(self.of(proof, one))
        found = _one(shapes)
        return None if empty and found and found.kind != "list" else found

    def _of_case(self, proof: Proof, node: Node) -> Shape | None:
        shapes: list[Shape | None] = []
        for branch in node.children("args"):
            facts = truths(branch.child("expr"), proof.scope) if "arg" not in node else NOTHING
            there = Proof(proof.scope.given(facts), proof.grouped, proof.known | facts)
            result = branch.needed("result")
            if not result.flag("constisnull"):
                shapes.append(self.of(there, result))
        other = node.child("defresult")
        if other is not None and not other.flag("constisnull"):
            shapes.append(self.of(proof, other))
        return _one(shapes)

    def _of_cast(self, proof: Proof, node: Node) -> Shape | None:
        below = node.needed("arg")
        kinds = {node.number("resulttype"), type_of(below, proof.scope)}
        return self.of(proof, below) if kinds <= JSON_TYPES else None

    def _of_call(self, proof: Proof, node: Node) -> Shape | None:
        catalog = proof.scope.catalog
        function = catalog.function(node.number("opfuncid") or node.number("funcid"))
        arguments = node.children("args")
        found: Shape | None = None
        if not function.builtin or node.flag("funcvariadic"):
            return None
        if function.name in _BUILD_OBJECT:
            found = self._object(proof, arguments)
        elif function.name in _FROM_ROW:
            shape = self.of(proof, arguments[0])
            found = _json_shape(shape) if shape else None
        elif function.oid == F_JSONB_CONCAT:
            found = _merged(*(self.of(proof, one) for one in arguments))
        elif function.oid == F_JSONB_DELETE_JSONB_TEXT:
            found = _without(self.of(proof, arguments[0]), text_of(arguments[1]))
        return found

    def _of_json(self, proof: Proof, node: Node) -> Shape | None:
        returned = type_of(node, proof.scope)
        if returned not in JSON_TYPES or node.flag("absent_on_null"):
            return None
        if node.number("type") == JsonConstructorType.JSON_OBJECT:
            return self._object(proof, node.children("args"))
        call = node.child("func")
        if (
            node.number("type") != JsonConstructorType.JSON_ARRAYAGG
            or call is None
            or call.kind != "AGGREF"
        ):
            return None
        return self._of_aggregate(proof, call)

    def _object(self, proof: Proof, arguments: list[Node]) -> Shape | None:
        parts: dict[str, Column] = {}
        for key, value in zip(arguments[::2], arguments[1::2], strict=True):
            name = text_of(key)
            part = None if name is None else self._column(proof, name, value)
            if part is None:
                return None
            # of two equal keys the later one is what a reader of json keeps
            parts[part.name] = as_json(part)
        return Shape("object", "", tuple(parts.values()))


def as_json(part: Column) -> Column:
    """Return what a part is once it has gone into json: a row becomes an object."""
    shape = _json_shape(part.shape) if part.shape else None
    return Column(part.name, part.type, part.nullable, part.why, shape)


def _json_shape(shape: Shape) -> Shape:
    kind = "object" if shape.kind == "row" else shape.kind
    return Shape(kind, shape.name, tuple(map(as_json, shape.parts)))


def _made(kind: str, name: str, parts: list[Column | None]) -> Shape | None:
    found = tuple(part for part in parts if part is not None)
    return Shape(kind, name, found) if len(found) == len(parts) else None


def _merged(left: Shape | None, right: Shape | None) -> Shape | None:
    if left is None or right is None or {left.kind, right.kind} != {"object"}:
        return None
    parts = {part.name: part for part in (*left.parts, *right.parts)}
    return Shape("object", left.name or right.name, tuple(parts.values()))


def _without(shape: Shape | None, gone: str | None) -> Shape | None:
    if shape is None or shape.kind != "object" or gone is None:
        return None
    return Shape("object", shape.name, tuple(one for one in shape.parts if one.name != gone))


def _one(shapes: list[Shape | None]) -> Shape | None:
    """Return the one shape that all have."""
    return shapes[0] if shapes and all(one == shapes[0] for one in shapes) else None


def _arms(scope: Scope, operation: Node) -> list[Scope]:
    if operation.kind == "RANGETBLREF":
        source = scope.source(operation.number("rtindex"))
        return [source] if source else []
    sides = (operation.needed("larg"), operation.needed("rarg"))
    return [arm for side in sides for arm in _arms(scope, side)]


def _unfold(scope: Scope, var: Node) -> Node:
    flat = scope.flatten(var)
    relation = scope.relation(flat.number("varno")) if flat.kind == "VAR" else None
    if relation is not None and relation.number("rtekind") == RTEKind.GROUP:
        return relation.children("groupexprs")[flat.number("varattno") - 1]
    return flat


def _columns(scope: Scope, number: int) -> list[tuple[int, str, int]]:
    """Return number, name and type of each column of a relation."""
    entry = scope.relation(number)
    if entry.number("rtekind") == RTEKind.RELATION:
        attributes = scope.catalog.relation(entry.number("relid")).attributes
        return [(at, one.name, one.type) for at, one in attributes.items()]
    names = entry.needed("eref").words("colnames")
    source = scope.source(number)
    if source is None:
        return []
    types = [type_of(one.child("expr"), source) for one in source.targets]
    return list(zip(range(1, len(names) + 1), names, types, strict=False))


def _is_empty_list(proof: Proof, node: Node) -> bool:
    if node.kind == "ARRAYEXPR":
        return not node.children("elements")
    if node.kind == "FUNCEXPR":
        function = proof.scope.catalog.function(node.number("funcid"))
        empty = function.builtin and not node.children("args")
        return empty and function.name in _BUILD_LIST
    return is_empty_list(node)


def type_of(expression: Node | None, scope: Scope) -> int:  # noqa: PLR0911 - a rule a return
    """Return the number of an expression's type, or UNKNOWN."""
    if expression is None:
        return UNKNOWN
    kind = expression.kind
    if kind in _FIELDS:
        return expression.number(_FIELDS[kind])
    if kind in _BOOLEANS:
        return BOOLOID
    match kind:
        case "SUBLINK":
            return _type_of_subselect(expression, scope)
        case "COLLATEEXPR" | "NAMEDARGEXPR":
            return type_of(expression.child("arg"), scope)
        case "GROUPINGFUNC":
            return INT4OID
        case "MERGESUPPORTFUNC":
            return TEXTOID
        case "JSONCONSTRUCTOREXPR" | "JSONEXPR":
            returning = expression.child("returning")
            return returning.number("typid") if returning else UNKNOWN
        case _:
            return UNKNOWN


def _type_of_subselect(expression: Node, scope: Scope) -> int:
    kind = expression.number("subLinkType")
    if kind not in {SubLinkType.EXPR, SubLinkType.ARRAY}:
        return BOOLOID
    inner = scope.inner(expression.needed("subselect"))
    found = type_of(inner.targets[0].child("expr"), inner)
    return scope.catalog.array_of(found) if kind == SubLinkType.ARRAY else found
