"""Find which parameters may be null, by what the statement does with them."""

from collections.abc import Iterable, Iterator

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.dimensions import column_dimensions
from dbkit.analysis.known_functions import BUILD_ARRAY, BUILD_OBJECT, RANGES
from dbkit.analysis.nodes import Node
from dbkit.analysis.vocabulary import CmdType, CoercionForm, ParamKind, RTEKind

_CASTS = frozenset({"RELABELTYPE", "COERCEVIAIO", "COERCETODOMAIN", "ARRAYCOERCEEXPR"})
_CAST_FORMS = frozenset({CoercionForm.EXPLICIT_CAST, CoercionForm.IMPLICIT_CAST})


def nullable_parameters(catalog: Catalog, query: Node) -> frozenset[int]:
    """Return the parameters that may be null.

    A query treats a parameter as optional where it asks whether it is null, gives it to what takes
    null for a value, like the bound of a range, or assigns it to a column; but it may not assign
    it to a column that refuses NULL.
    """
    optional: set[int] = set()
    required: set[int] = set()
    for node in query.walk():
        if node.kind == "QUERY":
            for column, value in _assignments(node):
                relation = catalog.relation(_target(node).number("relid"))
                attribute = relation.attributes[column]
                refused = attribute.required or catalog.refuses_null(attribute.type)
                if refused:
                    required.update(_passed_on(node, value))
                else:
                    optional.update(
                        parameter
                        for result in _results(value)
                        for parameter in _passed_on(node, result)
                    )
        elif node.kind == "COALESCEEXPR":
            optional.update(_parameters(node.children("args")[:-1]))
        elif node.kind == "MINMAXEXPR":
            # greatest() and least() leave out what is null
            optional.update(_parameters(node.children("args")))
        elif node.kind == "FUNCEXPR":
            optional.update(_parameters(_taking_null(catalog, node)))
        elif node.kind == "NULLTEST":
            optional.update(_parameters([node.needed("arg")]))
        elif node.kind == "DISTINCTEXPR":
            optional.update(_parameters(node.children("args")))
    return frozenset(optional - required)


def parameter_dimensions(catalog: Catalog, query: Node) -> dict[int, int]:
    """Return how many dimensions the parameters have that are assigned to a column of arrays."""
    found: dict[int, int] = {}
    for node in query.walk():
        for column, value in _assignments(node) if node.kind == "QUERY" else ():
            number = column_dimensions(catalog, _target(node).number("relid"), column)
            for result in _results(value) if number > 1 else ():
                found.update(dict.fromkeys(_passed_on(node, result), number))
    return found


def _target(query: Node) -> Node:
    return query.children("rtable")[query.number("resultRelation") - 1]


def _assignments(query: Node) -> Iterator[tuple[int, Node]]:
    """Yield the column and the value of each assignment."""
    command = query.number("commandType")
    targets: list[Node] = []
    if command in {CmdType.UPDATE, CmdType.INSERT}:
        targets += query.children("targetList")
        conflict = query.child("onConflict")
        targets += conflict.children("onConflictSet") if conflict else []
    elif command == CmdType.MERGE:
        for action in query.children("mergeActionList"):
            targets += action.children("targetList")
    for target in targets:
        if not target.flag("resjunk"):
            yield target.number("resno"), target.needed("expr")


def _taking_null(catalog: Catalog, call: Node) -> list[Node]:
    """Return the arguments of a call for which null is a value like others."""
    function = catalog.function(call.number("funcid"))
    arguments = call.children("args")
    if not function.builtin or call.flag("funcvariadic"):
        return []
    if function.name in RANGES:
        # without a bound, a range is endless; the third argument says which bounds are included
        return arguments[:2]
    if function.name in BUILD_OBJECT:
        return arguments[1::2]
    return arguments if function.name in BUILD_ARRAY else []


def _results(value: Node) -> Iterator[Node]:
    """Yield the expressions of which a value is one, or that it is where it is not null."""
    value = _uncast(value)
    match value.kind:
        case "CASEEXPR":
            results = [branch.needed("result") for branch in value.children("args")]
            default = value.child("defresult")
            results += [default] if default else []
        case "COALESCEEXPR" | "MINMAXEXPR" | "NULLIFEXPR":
            results = value.children("args")
        case _:
            yield value
            return
    for result in results:
        yield from _results(result)


def _passed_on(query: Node, value: Node) -> Iterator[int]:
    """Yield the parameters that a value passes on unchanged, through `values` and sub-selects."""
    value = _uncast(value)
    if value.kind == "PARAM":
        yield from _parameters([value])
    elif value.kind == "VAR" and not value.number("varlevelsup"):
        relation = query.children("rtable")[value.number("varno") - 1]
        column = value.number("varattno")
        if relation.number("rtekind") == RTEKind.VALUES:
            for row in relation.rows("values_lists"):
                yield from _passed_on(query, row[column - 1])
        elif relation.number("rtekind") == RTEKind.SUBQUERY and column > 0:
            subquery = relation.needed("subquery")
            targets = subquery.children("targetList")
            if "setOperations" not in subquery and column <= len(targets):
                yield from _passed_on(subquery, targets[column - 1].needed("expr"))


def _parameters(expressions: Iterable[Node]) -> Iterator[int]:
    for expression in map(_uncast, expressions):
        if expression.kind == "PARAM" and expression.number("paramkind") == ParamKind.EXTERN:
            yield expression.number("paramid")


def _uncast(expression: Node) -> Node:
    """Return an expression without the casts around it."""
    while True:
        if expression.kind in _CASTS:
            expression = expression.needed("arg")
        elif (
            expression.kind == "FUNCEXPR"
            and expression.number("funcformat") in _CAST_FORMS
            and expression.children("args")
        ):
            expression = expression.children("args")[0]
        else:
            return expression
