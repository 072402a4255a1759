"""Say how many dimensions an array has, as far as its expression or its declaration tells."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import LiteralString

from dbkit.analysis.catalog import Catalog, about_relations
from dbkit.analysis.expressiontypes import type_of
from dbkit.analysis.nodes import Node
from dbkit.analysis.scope import Scope
from dbkit.analysis.vocabulary import RelKind, RTEKind, SubLinkType
from dbkit.pgtypes import PgType, Shape, TypeKind

# functions that give an array with as many dimensions as one of their arguments
_SAME = frozenset(
    {
        "any_value", "array_append", "array_cat", "array_prepend", "array_remove", "array_replace",
        "array_reverse", "array_sample", "array_shuffle", "array_sort", "first_value", "lag",
        "last_value", "lead", "max", "min", "nth_value", "trim_array",
    }
)  # fmt: skip
_WITH_ARGUMENT = frozenset(
    {"ARRAYCOERCEEXPR", "COERCETODOMAIN", "COERCEVIAIO", "COLLATEEXPR", "RELABELTYPE"}
)


def with_dimensions(type_: PgType, number: int) -> PgType:
    """Return an array type as a list of lists: PostgreSQL has one type for all dimensions."""
    if type_.kind is not TypeKind.ARRAY or number <= 1:
        return type_
    return replace(type_, of=with_dimensions(type_, number - 1))


def with_parts(type_: PgType, shape: Shape | None) -> PgType:
    """Return the type of a row that a statement makes with the types of its parts."""
    if shape is None:
        return type_
    if type_.kind is TypeKind.ARRAY and type_.of is not None:
        inner = shape if type_.of.kind is TypeKind.ARRAY else shape.parts[0].shape
        return replace(type_, of=with_parts(type_.of, inner)) if shape.kind == "list" else type_
    if type_.kind is not TypeKind.PSEUDO or shape.kind != "row":
        return type_
    return replace(type_, fields=tuple((part.name, part.type) for part in shape.parts))


def column_dimensions(catalog: Catalog, relation: int, attribute: int) -> int:
    """Return how many dimensions a column of a table is declared with, 1 for one that is none."""
    return _declared(catalog.once(_OF_COLUMNS, relation), attribute)


def _declared(rows: Iterable[Sequence[int]], attribute: int) -> int:
    return next((dimensions for number, dimensions in rows if number == attribute), 1)


def output_dimensions(scope: Scope, attribute: int) -> int:
    """Return how many dimensions a column of the result of a query has."""
    operation = scope.query.child("setOperations")
    if operation is not None:
        arms = [node.number("rtindex") for node in operation.walk() if node.kind == "RANGETBLREF"]
        sources = [source for arm in arms if (source := scope.source(arm)) is not None]
        return max((output_dimensions(source, attribute) for source in sources), default=1)
    targets = scope.targets
    return (
        dimensions(scope, targets[attribute - 1].child("expr")) if attribute <= len(targets) else 1
    )


def dimensions(scope: Scope, expression: Node | None) -> int:
    """Return how many dimensions an array has, 1 where nothing tells."""
    if expression is None or expression.flag("constisnull"):
        return 1
    if expression.kind in _WITH_ARGUMENT:
        return dimensions(scope, expression.child("arg"))
    rule = _RULES.get(expression.kind)
    return rule(scope, expression) if rule else 1


def _most(scope: Scope, expressions: Iterable[Node]) -> int:
    return max((dimensions(scope, expression) for expression in expressions), default=1)


def _of_column(scope: Scope, var: Node) -> int:  # noqa: PLR0911 - a rule a return
    scope = scope.outer(var.number("varlevelsup"))
    flat = scope.flatten(var.replaced(varlevelsup="0"))
    if flat.kind != "VAR":
        return dimensions(scope, flat)
    number, attribute = flat.number("varno"), flat.number("varattno")
    relation = scope.relation(number)
    if attribute <= 0:
        return 1
    source = scope.source(number)
    if source is not None:
        return output_dimensions(source, attribute)
    match relation.number("rtekind"):
        case RTEKind.RELATION if relation.word("relkind") not in {RelKind.VIEW, RelKind.MATVIEW}:
            return column_dimensions(scope.catalog, relation.number("relid"), attribute)
        case RTEKind.VALUES:
            return _most(scope, (row[attribute - 1] for row in relation.rows("values_lists")))
        case RTEKind.JOIN:
            return dimensions(scope, relation.children("joinaliasvars")[attribute - 1])
        case RTEKind.GROUP:
            return dimensions(scope, relation.children("groupexprs")[attribute - 1])
        case RTEKind.FUNCTION:
            call = relation.children("functions")[0].needed("funcexpr")
            return _of_field(scope, type_of(call, scope), attribute)
        case _:
            return 1


def _of_field(scope: Scope, row_type: int, number: int) -> int:
    return _declared(scope.catalog.once(_OF_FIELDS, row_type), number)


def _of_constant(_scope: Scope, constant: Node) -> int:
    # after its length, an array begins with the number of its dimensions
    datum = constant.datum()[4:8]
    return max(int.from_bytes(datum, "little"), 1) if constant.number("constlen") < 0 else 1


def _of_list(scope: Scope, array: Node) -> int:
    elements = array.children("elements")
    return 1 + _most(scope, elements) if array.flag("multidims") else 1


def _of_call(scope: Scope, call: Node) -> int:
    catalog = scope.catalog
    oids = call.functions()
    function = catalog.function(oids[0]) if oids else None
    arguments = [
        argument.needed("expr") if argument.kind == "TARGETENTRY" else argument
        for argument in call.children("args")
    ]
    if function is None or not function.builtin or not arguments:
        return 1
    if function.name == "array_agg":
        # an array of arrays has one dimension more
        is_array = type_of(arguments[0], scope) == type_of(call, scope)
        return 1 + dimensions(scope, arguments[0]) if is_array else 1
    if function.name == "array_fill" and arguments[1].kind == "ARRAYEXPR":
        return max(len(arguments[1].children("elements")), 1)
    same = [argument for argument in arguments if type_of(argument, scope) == type_of(call, scope)]
    return _most(scope, same) if function.name in _SAME else 1


def _of_sublink(scope: Scope, node: Node) -> int:
    kind = node.number("subLinkType")
    if kind not in {SubLinkType.EXPR, SubLinkType.ARRAY}:
        return 1
    inner = scope.inner(node.needed("subselect"))
    number = output_dimensions(inner, 1)
    # an array has no array type of its own
    is_array = not scope.catalog.array_of(type_of(inner.targets[0].child("expr"), inner))
    return number + 1 if kind == SubLinkType.ARRAY and is_array else number


def _of_case(scope: Scope, case: Node) -> int:
    results = [branch.needed("result") for branch in case.children("args")]
    default = case.child("defresult")
    return _most(scope, [*results, default] if default else results)


def _of_subscript(scope: Scope, node: Node) -> int:
    # a slice has all dimensions, and an element is no array
    return dimensions(scope, node.child("refexpr")) if "reflowerindexpr" in node else 1


def _of_arguments(scope: Scope, node: Node) -> int:
    return _most(scope, node.children("args"))


def _of_selected_field(scope: Scope, node: Node) -> int:
    return _of_field(scope, type_of(node.child("arg"), scope), node.number("fieldnum"))


_RULES: Mapping[str, Callable[[Scope, Node], int]] = {
    "AGGREF": _of_call,
    "ARRAYEXPR": _of_list,
    "CASEEXPR": _of_case,
    "COALESCEEXPR": _of_arguments,
    "CONST": _of_constant,
    "FIELDSELECT": _of_selected_field,
    "FUNCEXPR": _of_call,
    "MINMAXEXPR": _of_arguments,
    "NULLIFEXPR": lambda scope, node: dimensions(scope, node.children("args")[0]),
    "OPEXPR": _of_call,
    "SUBLINK": _of_sublink,
    "SUBSCRIPTINGREF": _of_subscript,
    "VAR": _of_column,
    "WINDOWFUNC": _of_call,
}
_OF_COLUMNS: LiteralString = about_relations("""
select
    attnum::integer,
    greatest(attndims, typndims)::integer
from pg_catalog.pg_attribute
join pg_catalog.pg_type as type on type.oid = atttypid
where attrelid = $1 and attnum > 0 and greatest(attndims, typndims) > 1
""")
_OF_FIELDS: LiteralString = """
select
    attnum::integer,
    attndims::integer
from pg_catalog.pg_type as type
join pg_catalog.pg_attribute on attrelid = type.typrelid
where type.oid = $1 and attnum > 0 and attndims > 1
"""
