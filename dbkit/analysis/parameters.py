"""Which parameters may be null: by where they go, not by what they are compared with."""

from collections.abc import Iterable, Iterator

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.nodes import Node
from dbkit.analysis.vocabulary import CmdType, CoercionForm, ParamKind, RTEKind

_CASTS = frozenset({"RELABELTYPE", "COERCEVIAIO", "COERCETODOMAIN", "ARRAYCOERCEEXPR"})
# of funcformat: a call that was written as a cast, or not written at all
_WRITTEN_AS_CAST = frozenset({CoercionForm.EXPLICIT_CAST, CoercionForm.IMPLICIT_CAST})


def nullable_parameters(catalog: Catalog, query: Node) -> frozenset[int]:
    """Return the parameters that a query treats as optional, and assigns to nothing required."""
    optional: set[int] = set()
    required: set[int] = set()
    for node in query.walk():
        if node.kind == "QUERY":
            for column, value in _assignments(node):
                relation = catalog.relation(_target(node).number("relid"))
                attribute = relation.attributes[column]
                refused = attribute.required or catalog.refuses_null(attribute.type)
                (required if refused else optional).update(_passed(node, value))
        elif node.kind == "COALESCEEXPR":
            optional.update(_parameters(node.children("args")[:-1]))
        elif node.kind == "NULLTEST":
            optional.update(_parameters([node.needed("arg")]))
        elif node.kind == "DISTINCTEXPR":
            optional.update(_parameters(node.children("args")))
    return frozenset(optional - required)


def _target(query: Node) -> Node:
    return query.children("rtable")[query.number("resultRelation") - 1]


def _assignments(query: Node) -> Iterator[tuple[int, Node]]:
    """Give the column and the value of each assignment."""
    command = query.number("commandType")
    lists: list[Node] = []
    if command in {CmdType.UPDATE, CmdType.INSERT}:
        lists += query.children("targetList")
        conflict = query.child("onConflict")
        lists += conflict.children("onConflictSet") if conflict else []
    elif command == CmdType.MERGE:
        for action in query.children("mergeActionList"):
            lists += action.children("targetList")
    for one in lists:
        if not one.flag("resjunk"):
            yield one.number("resno"), one.needed("expr")


def _passed(query: Node, value: Node) -> Iterator[int]:
    """Give the parameters that reach an assignment as they are, be it through values or select."""
    value = _bare(value)
    if value.kind == "PARAM":
        yield from _parameters([value])
    elif value.kind == "VAR" and not value.number("varlevelsup"):
        relation = query.children("rtable")[value.number("varno") - 1]
        at = value.number("varattno") - 1
        if relation.number("rtekind") == RTEKind.VALUES:
            for row in relation.rows("values_lists"):
                yield from _passed(query, row[at])
        elif relation.number("rtekind") == RTEKind.SUBQUERY and at >= 0:
            below = relation.needed("subquery")
            targets = below.children("targetList")
            if "setOperations" not in below and at < len(targets):
                yield from _passed(below, targets[at].needed("expr"))


def _parameters(expressions: Iterable[Node]) -> Iterator[int]:
    for one in map(_bare, expressions):
        if one.kind == "PARAM" and one.number("paramkind") == ParamKind.EXTERN:
            yield one.number("paramid")


def _bare(expression: Node) -> Node:
    """Return what is cast, without the casts."""
    while True:
        if expression.kind in _CASTS:
            expression = expression.needed("arg")
        elif (
            expression.kind == "FUNCEXPR"
            and expression.number("funcformat") in _WRITTEN_AS_CAST
            and expression.children("args")
        ):
            expression = expression.children("args")[0]
        else:
            return expression
