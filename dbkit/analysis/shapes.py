"""Find the shape of a value that has parts: a row, a json object, or a list."""

from collections.abc import Callable
from typing import TypeAlias

from dbkit.analysis.dimensions import dimensions, with_dimensions, with_parts
from dbkit.analysis.expressiontypes import UNKNOWN_TYPE, type_of
from dbkit.analysis.known_functions import BUILD_ARRAY, BUILD_OBJECT
from dbkit.analysis.nodes import JSON_TYPES, Node, is_empty_list, text_of
from dbkit.analysis.nulls import results_of_case
from dbkit.analysis.oids import F_JSONB_CONCAT, F_JSONB_DELETE_JSONB_TEXT
from dbkit.analysis.proof import Proof
from dbkit.analysis.scope import NO_FACTS, Facts, Scope, facts_if_true, key_of_column
from dbkit.analysis.typecatalog import TypeCatalog
from dbkit.analysis.vocabulary import (
    JsonConstructorType,
    RTEKind,
    SubLinkType,
)
from dbkit.pgtypes import Column, Shape, TypeKind

_FROM_ROW = frozenset({"to_json", "to_jsonb", "row_to_json"})
_AGGREGATES = frozenset({"json_agg", "jsonb_agg", "array_agg"})
# how to find the shape of a kind of expression
_Rule: TypeAlias = Callable[[Proof, Node], Shape | None]


class Shapes:
    """The shapes of the expressions of a statement."""

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
            "SUBLINK": self._of_sublink,
            "VAR": self._of_column,
        }

    def of_output(self, scope: Scope, attribute: int) -> Shape | None:
        """Return the shape of a column of a query's result."""
        operation = scope.query.child("setOperations")
        if operation is not None:
            return _common([self.of_output(arm, attribute) for arm in _arms(scope, operation)])
        targets = scope.targets
        if attribute > len(targets):
            return None
        return self.of(Proof.results_of(scope), targets[attribute - 1].needed("expr"))

    def of(self, proof: Proof, expression: Node) -> Shape | None:
        """Return the shape of an expression, None if it has none or if it is unknown."""
        rule = self._rules.get(expression.kind)
        return rule(proof, expression) if rule else None

    def _part(self, proof: Proof, name: str, expression: Node) -> Column | None:
        type_oid = type_of(expression, proof.scope)
        if type_oid == UNKNOWN_TYPE:
            return None
        doubt = proof.doubt(expression)
        part_type = self._types.find(type_oid)
        if part_type.kind is TypeKind.ARRAY:
            part_type = with_dimensions(part_type, dimensions(proof.scope, expression))
        shape = self.of(proof, expression)
        return Column(name, with_parts(part_type, shape), bool(doubt), doubt, shape)

    def _of_column(self, proof: Proof, var: Node) -> Shape | None:
        scope = proof.scope.outer(var.number("varlevelsup"))
        number, attribute = var.number("varno"), var.number("varattno")
        relation = scope.relation(number)
        if attribute == 0:
            facts = proof.facts if scope is proof.scope else NO_FACTS
            return self._of_whole_row(scope, var, facts)
        if relation.number("rtekind") in {RTEKind.JOIN, RTEKind.GROUP}:
            local = var.replaced(varlevelsup="0")
            flat = _unfold(scope, local)
            return self.of(Proof.results_of(scope), flat) if flat is not local else None
        source = scope.source(number)
        return self.of_output(source, attribute) if source else None

    def _of_whole_row(self, scope: Scope, var: Node, facts: Facts) -> Shape | None:
        number = var.number("varno")
        kind = scope.relation(number).number("rtekind")
        # of any other relation the columns are not known, such as those of a recursive query
        if kind != RTEKind.RELATION and scope.source(number) is None:
            return None
        # where the whole row is null it has no parts, so the parts are looked at where it is not
        present = scope.with_facts(facts | {key_of_column(number, 0)})
        proof = Proof.rows_of(present)
        parts: list[Column] = []
        for attribute, name, type_oid in _columns(present, number):
            column = var.replaced(varattno=str(attribute), varlevelsup="0", vartype=str(type_oid))
            part = self._part(proof, name, column)
            if part is None:
                return None
            parts.append(part)
        return Shape("row", scope.name(number), tuple(parts))

    def _of_row(self, proof: Proof, row: Node) -> Shape | None:
        row_type = self._types.find(row.number("row_typeid"))
        names = [name for name, _ in row_type.fields] or row.words("colnames")
        values = row.children("args")
        if len(names) != len(values):
            return None
        parts = [
            part
            for name, value in zip(names, values, strict=True)
            if (part := self._part(proof, name, value)) is not None
        ]
        if len(parts) < len(values):
            return None
        row_name = row_type.name if row_type.kind is TypeKind.COMPOSITE else ""
        return Shape("row", row_name, tuple(parts))

    def _of_aggregate(self, proof: Proof, call: Node) -> Shape | None:
        function = proof.scope.catalog.function(call.number("aggfnoid"))
        if not function.builtin or function.name not in _AGGREGATES or call.number("agglevelsup"):
            return None
        scope = proof.scope.with_facts(facts_if_true(call.child("aggfilter"), proof.scope))
        [element, *_] = [target.needed("expr") for target in call.children("args")]
        return self._list_of(Proof.rows_of(scope), element, json=function.name != "array_agg")

    def _list_of(self, proof: Proof, element: Node, *, json: bool) -> Shape | None:
        part = self._part(proof, "", element)
        if part is None or (part.type.kind is TypeKind.ARRAY and not json):
            return None
        if json:
            part = _as_json(part)
        return Shape("list", part.shape.name if part.shape else "", (part,))

    def _of_array(self, proof: Proof, array: Node) -> Shape | None:
        elements = array.children("elements")
        parts = [
            part for element in elements if (part := self._part(proof, "", element)) is not None
        ]
        if array.flag("multidims") or not parts or len(parts) < len(elements):
            return None
        if len({(part.type.oid, part.shape) for part in parts}) > 1:
            return None
        doubtful = next((part for part in parts if part.nullable), parts[0])
        return Shape("list", doubtful.shape.name if doubtful.shape else "", (doubtful,))

    def _of_sublink(self, proof: Proof, node: Node) -> Shape | None:
        kind = node.number("subLinkType")
        if kind not in {SubLinkType.EXPR, SubLinkType.ARRAY}:
            return None
        inner = proof.scope.inner(node.needed("subselect"))
        shape = self.of_output(inner, 1)
        if kind == SubLinkType.EXPR:
            return shape
        type_oid = type_of(inner.targets[0].child("expr"), inner)
        element_type = self._types.find(type_oid) if type_oid else None
        if element_type is None or element_type.kind is TypeKind.ARRAY:
            return None
        doubt = proof.output_doubt(inner, 1)
        part = Column("", with_parts(element_type, shape), bool(doubt), doubt, shape)
        return Shape("list", shape.name if shape else "", (part,))

    def _of_coalesce(self, proof: Proof, node: Node) -> Shape | None:
        shapes: list[Shape | None] = []
        may_be_empty_list = False
        for argument in node.children("args"):
            if _is_empty_list(proof, argument):
                may_be_empty_list = True
            elif not argument.flag("constisnull"):
                shapes.append(self.of(proof, argument))
        shape = _common(shapes)
        return None if may_be_empty_list and shape and shape.kind != "list" else shape

    def _of_case(self, proof: Proof, node: Node) -> Shape | None:
        return _common(
            [
                self.of(branch, result)
                for branch, result in results_of_case(proof, node)
                if not result.flag("constisnull")
            ]
        )

    def _of_cast(self, proof: Proof, node: Node) -> Shape | None:
        argument = node.needed("arg")
        types = {node.number("resulttype"), type_of(argument, proof.scope)}
        return self.of(proof, argument) if types <= JSON_TYPES else None

    def _of_call(self, proof: Proof, node: Node) -> Shape | None:
        catalog = proof.scope.catalog
        function = catalog.function(node.number("opfuncid") or node.number("funcid"))
        arguments = node.children("args")
        shape: Shape | None = None
        if not function.builtin or node.flag("funcvariadic"):
            return None
        if function.name in BUILD_OBJECT:
            shape = self._object(proof, arguments)
        elif function.name in _FROM_ROW:
            row_shape = self.of(proof, arguments[0])
            shape = _json_shape(row_shape) if row_shape else None
        elif function.oid == F_JSONB_CONCAT:
            shape = _merged(*(self.of(proof, argument) for argument in arguments))
        elif function.oid == F_JSONB_DELETE_JSONB_TEXT:
            shape = _without(self.of(proof, arguments[0]), text_of(arguments[1]))
        return shape

    def _of_json(self, proof: Proof, node: Node) -> Shape | None:
        if type_of(node, proof.scope) not in JSON_TYPES or node.flag("absent_on_null"):
            return None
        if node.number("type") == JsonConstructorType.JSON_OBJECT:
            return self._object(proof, node.children("args"))
        call = node.child("func")
        is_list = node.number("type") == JsonConstructorType.JSON_ARRAYAGG
        if not is_list or call is None or call.kind != "AGGREF":
            return None
        return self._of_aggregate(proof, call)

    def _object(self, proof: Proof, arguments: list[Node]) -> Shape | None:
        if len(arguments) % 2:
            # a key without a value is refused only where the statement is run
            return None
        parts: dict[str, Column] = {}
        for key, value in zip(arguments[::2], arguments[1::2], strict=True):
            name = text_of(key)
            part = None if name is None else self._part(proof, name, value)
            if part is None:
                return None
            # readers of json keep the later one of two equal keys
            parts[part.name] = _as_json(part)
        return Shape("object", "", tuple(parts.values()))


def _as_json(part: Column) -> Column:
    """Return what a part is within json, where a row is an object."""
    shape = _json_shape(part.shape) if part.shape else None
    return Column(part.name, part.type, part.nullable, part.why, shape)


def _json_shape(shape: Shape) -> Shape:
    kind = "object" if shape.kind == "row" else shape.kind
    return Shape(kind, shape.name, tuple(map(_as_json, shape.parts)))


def _merged(left: Shape | None, right: Shape | None) -> Shape | None:
    if left is None or right is None or {left.kind, right.kind} != {"object"}:
        return None
    parts = {part.name: part for part in (*left.parts, *right.parts)}
    return Shape("object", left.name or right.name, tuple(parts.values()))


def _without(shape: Shape | None, key: str | None) -> Shape | None:
    if shape is None or shape.kind != "object" or key is None:
        return None
    return Shape("object", shape.name, tuple(part for part in shape.parts if part.name != key))


def _common(shapes: list[Shape | None]) -> Shape | None:
    """Return the shape that all expressions have, None if they differ."""
    return shapes[0] if shapes and all(shape == shapes[0] for shape in shapes) else None


def _arms(scope: Scope, operation: Node) -> list[Scope]:
    """Return the queries that `union` and its like combine."""
    if operation.kind == "RANGETBLREF":
        source = scope.source(operation.number("rtindex"))
        return [source] if source else []
    sides = (operation.needed("larg"), operation.needed("rarg"))
    return [arm for side in sides for arm in _arms(scope, side)]


def _unfold(scope: Scope, var: Node) -> Node:
    """Return the expression behind a column of a join or a key, with grouping sets as well."""
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
        return [(number, column.name, column.type) for number, column in attributes.items()]
    names = entry.needed("eref").words("colnames")
    source = scope.source(number)
    if source is None:
        return []
    types = [type_of(target.child("expr"), source) for target in source.targets]
    return list(zip(range(1, len(names) + 1), names, types, strict=False))


def _is_empty_list(proof: Proof, node: Node) -> bool:
    if node.kind == "ARRAYEXPR":
        return not node.children("elements")
    if node.kind == "FUNCEXPR":
        function = proof.scope.catalog.function(node.number("funcid"))
        return function.builtin and function.name in BUILD_ARRAY and not node.children("args")
    return is_empty_list(node)
