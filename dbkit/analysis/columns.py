"""The doubts about a column: of a table, a join, a subselect, a view, a function."""

from dataclasses import replace
from typing import TYPE_CHECKING

from dbkit.analysis.known_functions import ALL_COLUMNS, FIRST_COLUMN, is_total
from dbkit.analysis.nodes import Node
from dbkit.analysis.scope import (
    CTE,
    FULL,
    FUNCTION,
    GROUP,
    JOIN,
    LEFT,
    RELATION,
    SUBQUERY,
    VALUES,
    Scope,
)

if TYPE_CHECKING:
    from dbkit.analysis.proof import Proof

_JOINS = {LEFT: "left", FULL: "full"}
_UNION = 1


def column_doubt(proof: "Proof", var: Node) -> str:
    """Return why a column, or with attribute 0 a whole row, may be null."""
    scope = proof.scope
    levels = var.number("varlevelsup")
    if levels:
        here = Node("VAR", {**var.fields, "varlevelsup": "0"})
        return "" if proof.knows(var) else proof.results_of(scope.outer(levels)).doubt(here)
    number, attribute = var.number("varno"), var.number("varattno")
    doubt = _missing_row(scope, var)
    if doubt or proof.knows(var):
        return doubt
    relation = scope.relation(number)
    match relation.number("rtekind"):
        case 2 if attribute:
            return _joined_doubt(proof, var)
        case 9:
            if scope.grouping_sets:
                return "grouping sets leave the key out"
            return proof.doubt(relation.children("groupexprs")[attribute - 1])
        case _:
            return join_doubt(scope, number) or relation_doubt(proof, number, attribute)


def join_doubt(scope: Scope, number: int) -> str:
    """Return which join may leave a relation out."""
    nulling = scope.nulling(number)
    if not nulling:
        return ""
    kind = _JOINS.get(scope.joins[min(nulling)], "right")
    return f"{kind} join of {scope.name(number)}"


def relation_doubt(proof: "Proof", number: int, attribute: int) -> str:  # noqa: PLR0911 - a rule a return
    """Return why a column may be null in a row that is there."""
    scope = proof.scope
    relation = scope.relation(number)
    kind = relation.number("rtekind")
    if attribute == 0:
        return "the function may return no row" if kind == FUNCTION else ""
    if kind == RELATION:
        return _stored_doubt(proof, number, attribute)
    if kind == SUBQUERY:
        return _source_doubt(proof, number, attribute)
    if kind == FUNCTION:
        return _function_doubt(proof, relation, attribute)
    if kind == VALUES:
        rows = (row[attribute - 1] for row in relation.rows("values_lists"))
        return proof.rows_of(scope).doubt_of_any(rows)
    if kind == CTE:
        return _with_doubt(proof, number, attribute)
    return "nothing is known of such a relation"


def output_doubt(proof: "Proof", scope: Scope, attribute: int) -> str:
    """Return why a column of a query's result may be null."""
    if attribute not in scope.doubts:
        scope.doubts[attribute] = _output_doubt(proof, scope, attribute)
    return scope.doubts[attribute]


def _output_doubt(proof: "Proof", scope: Scope, attribute: int) -> str:
    targets = scope.targets
    if attribute > len(targets):
        return "nothing is known of a column that search or cycle adds"
    operation = scope.query.child("setOperations")
    if operation is not None:
        return _arms_doubt(proof.results_of(scope), operation, attribute)
    return proof.results_of(scope).doubt(targets[attribute - 1].child("expr"))


def _arms_doubt(proof: "Proof", operation: Node, attribute: int) -> str:
    if operation.kind == "RANGETBLREF":
        return _source_doubt(proof, operation.number("rtindex"), attribute)
    left = _arms_doubt(proof, operation.needed("larg"), attribute)
    if not left and operation.number("op") != _UNION:
        return ""
    right = _arms_doubt(proof, operation.needed("rarg"), attribute)
    match operation.number("op"):
        case 1:
            return left or right
        case 2:
            return left if right else ""
        case _:
            return left


def _missing_row(scope: Scope, var: Node) -> str:  # noqa: PLR0911 - a rule a return
    """Return why the row itself may be missing from what a change returns, or be another's."""
    number = var.number("varno")
    match var.number("varreturningtype"), scope.command:
        case (1, 3) | (1, 5):
            return "there is no old row where one is inserted"
        case (2, 4) | (2, 5):
            return "there is no new row where one is deleted"
        case _:
            pass
    if number != scope.target:
        if scope.source_may_be_missing:
            return f"no row of {scope.name(number)} where none matches"
        return ""
    relation = scope.relation(number)
    if relation.word("relkind") == "v":
        return f"{scope.name(number)} is a view, whose triggers or rules decide what comes back"
    if scope.catalog.relation(relation.number("relid")).ruled:
        return f"a rule of {scope.name(number)} may decide what comes back"
    return ""


def _joined_doubt(proof: "Proof", var: Node) -> str:
    scope = proof.scope
    flat = scope.flatten(var)
    if flat.kind != "VAR":
        return proof.doubt(flat)
    if scope.relation(flat.number("varno")).number("rtekind") != JOIN:
        return column_doubt(proof, flat)
    return _merged_doubt(proof, flat, frozenset()) and proof.doubt(_merged(scope, flat))


def _merged_doubt(proof: "Proof", var: Node, ignored: frozenset[int]) -> str:
    """Return why the one column of `full join using` may be null: a row has one of its sides."""
    scope, join = proof.scope, var.number("varno")
    sides = _merged(scope, var).children("args")
    doubts = (_side_doubt(proof, one, ignored | {join}) for one in sides)
    return next(filter(None, doubts), "")


def _merged(scope: Scope, var: Node) -> Node:
    return scope.relation(var.number("varno")).children("joinaliasvars")[var.number("varattno") - 1]


def _side_doubt(proof: "Proof", side: Node, ignored: frozenset[int]) -> str:
    """Return why one side may be null where its row is there."""
    scope = proof.scope
    if side.kind in {"RELABELTYPE", "COERCEVIAIO"}:
        return _side_doubt(proof, side.needed("arg"), ignored)
    if side.kind == "FUNCEXPR" and is_total(scope.catalog.function(side.number("funcid"))):
        doubts = (_side_doubt(proof, one, ignored) for one in side.children("args"))
        return next(filter(None, doubts), "")
    flat = scope.flatten(side) if side.kind == "VAR" else side
    if flat.kind != "VAR":
        return proof.doubt(flat)
    number = flat.number("varno")
    kind = scope.relation(number).number("rtekind")
    if kind == JOIN:
        return _merged_doubt(proof, flat, ignored)
    if kind == GROUP or scope.nulling(number) - ignored:
        return column_doubt(proof, flat)
    return relation_doubt(proof, number, flat.number("varattno"))


def _stored_doubt(proof: "Proof", number: int, attribute: int) -> str:  # noqa: PLR0911 - a rule a return
    scope = proof.scope
    entry = scope.relation(number)
    if entry.word("relkind") in {"v", "m"}:
        return _source_doubt(proof, number, attribute)
    relation = scope.catalog.relation(entry.number("relid"))
    if attribute < 0:
        return "" if relation.kind in {"r", "p"} else f"{relation.name} is no table of this server"
    column = relation.attributes[attribute]
    if scope.setting.stale:
        return f"a materialized view may be older than not null of {relation.name}.{column.name}"
    if column.proven:
        return ""
    if relation.kind == "f":
        return f"{relation.name} is a foreign table"
    if column.required:
        return f"not null of {relation.name}.{column.name} is not proven for every row"
    return f"{relation.name}.{column.name} has no not null"


def _source_doubt(proof: "Proof", number: int, attribute: int) -> str:
    source = proof.scope.source(number)
    if source is None:
        return f"nothing is known of {proof.scope.name(number)}"
    return output_doubt(proof, source, attribute)


def _with_doubt(proof: "Proof", number: int, attribute: int) -> str:
    scope = proof.scope
    owner, found = scope.cte(number)
    if not found.flag("cterecursive"):
        return _source_doubt(proof, number, attribute)
    doubts = scope.setting.assumed.get(id(found))
    if doubts is None:
        if id(found) not in owner.recursive_doubts:
            owner.recursive_doubts[id(found)] = _recursive_doubts(proof, owner, found)
        doubts = owner.recursive_doubts[id(found)]
    if attribute > len(doubts):
        return "nothing is known of a column that search or cycle adds"
    return doubts[attribute - 1]


def _recursive_doubts(proof: "Proof", owner: Scope, found: Node) -> list[str]:
    """Assume no doubt, look what follows, and assume that, until nothing changes."""
    query = found.needed("ctequery")
    doubts = ["" for _ in query.children("targetList")]
    while True:
        assumed = {**owner.setting.assumed, id(found): doubts}
        body = Scope(replace(owner.setting, assumed=assumed), query, owner)
        following = [output_doubt(proof, body, number + 1) for number in range(len(doubts))]
        if list(map(bool, following)) == list(map(bool, doubts)):
            return following
        doubts = following


def _function_doubt(proof: "Proof", relation: Node, attribute: int) -> str:
    scope = proof.scope
    calls = relation.children("functions")
    width = sum(call.number("funccolcount") for call in calls)
    if attribute == width + 1 and relation.flag("funcordinality"):
        return ""
    if len(calls) > 1:
        return "the functions of rows from may return different numbers of rows"
    call = calls[0].needed("funcexpr")
    if call.kind != "FUNCEXPR":
        return proof.rows_of(scope).doubt(call) if width == 1 else "a part of a row"
    function = scope.catalog.function(call.number("funcid"))
    doubt = f"{function.name} may return null"
    if function.returns_set:
        if function.builtin and function.name in ALL_COLUMNS:
            return ""
        certain = function.builtin and function.name in FIRST_COLUMN and attribute == 1
        return "" if certain else doubt
    return proof.rows_of(scope).doubt(call) if width == 1 else doubt
