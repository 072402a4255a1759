"""Prove of an expression that it is never null, or say what the doubt is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from dbkit.analysis.catalog import CatalogFunction
from dbkit.analysis.known_functions import (
    ALL_COLUMNS,
    ALWAYS,
    BY_FIRST_ARGUMENT,
    BY_ROW,
    BY_VALUE,
    CASTING_TO_TEXT,
    COUNTS,
    FIRST_COLUMN,
    RANKS,
    is_total,
)
from dbkit.analysis.nodes import Node, text_of
from dbkit.analysis.oids import FIRST_GENBKI_OBJECT_ID
from dbkit.analysis.scope import NOTHING, Facts, Key, Scope, falses, key_of, truths
from dbkit.analysis.vocabulary import (
    AggKind,
    CmdType,
    FrameOption,
    JoinType,
    JsonBehaviorType,
    JsonConstructorType,
    JsonExprOp,
    ParamKind,
    RelKind,
    RTEKind,
    SetOperation,
    SQLValueFunctionOp,
    SubLinkType,
    VarReturningType,
)

_JOINS = {JoinType.LEFT: "left", JoinType.FULL: "full"}
_ENDLESS_FIELDS = frozenset({"century", "decade", "epoch", "millennium", "year"})
_WITH_DEFAULT = 3


@dataclass(frozen=True, slots=True)
class Proof:
    """A place in a query to look from: what is known there, and whether groups are formed.

    A doubt is a reason in words; an empty one is none, and the expression is proven.
    """

    scope: Scope
    grouped: bool
    known: Facts

    @classmethod
    def rows_of(cls, scope: Scope) -> "Proof":
        """Look at the rows as they come from the relations, before any group is formed."""
        return cls(scope, grouped=False, known=scope.facts)

    @classmethod
    def results_of(cls, scope: Scope) -> "Proof":
        """Look at the rows as they come back."""
        facts = NOTHING if scope.grouping_sets else scope.facts
        having = truths(scope.query.child("havingQual"), scope)
        return cls(scope, grouped=True, known=facts | having)

    def given(self, facts: Facts) -> "Proof":
        """Look at those rows only in which these have a value."""
        return Proof(self.scope, self.grouped, self.known | facts)

    def knows(self, expression: Node) -> bool:
        """Say whether a condition has settled it."""
        return bool(self.known) and key_of(expression, self.scope) in self.known

    def doubt(self, expression: Node | None) -> str:
        """Return why an expression may be null, or nothing where it cannot."""
        if expression is None:
            return "there is no value"
        if self.grouped and self.scope.grouping_sets and self._is_key(expression):
            return "grouping sets leave the key out"
        if self.knows(expression) and expression.kind != "VAR":
            return ""
        rule = _RULES.get(expression.kind)
        if rule is None:
            return f"nothing is known of such an expression ({expression.kind.lower()})"
        return rule(self, expression)

    def doubt_of_any(self, expressions: Iterable[Node]) -> str:
        """Return the first doubt: every one of them is needed."""
        for one in expressions:
            doubt = self.doubt(one)
            if doubt:
                return doubt
        return ""

    def doubt_of_all(self, expressions: Iterable[Node]) -> str:
        """Return the last doubt, unless one of them is certain: one is enough."""
        doubt = "there is no value"
        for one in expressions:
            doubt = self.doubt(one)
            if not doubt:
                return ""
        return doubt

    def output(self, scope: Scope, attribute: int) -> str:
        """Return why a column of another query's result may be null."""
        return output_doubt(self, scope, attribute)

    def _is_key(self, expression: Node) -> bool:
        return key_of(expression, self.scope) in _keys(self.scope)


def _keys(scope: Scope) -> set[Key]:
    references = {one.number("tleSortGroupRef") for one in scope.query.children("groupClause")}
    return {
        key_of(target.child("expr"), scope)
        for target in scope.query.children("targetList")
        if target.number("ressortgroupref") in references
    }


def column_doubt(proof: Proof, var: Node) -> str:
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
        case RTEKind.JOIN if attribute:
            return _joined_doubt(proof, var)
        case RTEKind.GROUP:
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


def relation_doubt(proof: Proof, number: int, attribute: int) -> str:  # noqa: PLR0911 - a rule a return
    """Return why a column may be null in a row that is there."""
    scope = proof.scope
    relation = scope.relation(number)
    kind = relation.number("rtekind")
    if attribute == 0:
        return "the function may return no row" if kind == RTEKind.FUNCTION else ""
    if kind == RTEKind.RELATION:
        return _stored_doubt(proof, number, attribute)
    if kind == RTEKind.SUBQUERY:
        return _source_doubt(proof, number, attribute)
    if kind == RTEKind.FUNCTION:
        return _function_doubt(proof, relation, attribute)
    if kind == RTEKind.VALUES:
        rows = (row[attribute - 1] for row in relation.rows("values_lists"))
        return proof.rows_of(scope).doubt_of_any(rows)
    if kind == RTEKind.CTE:
        return _with_doubt(proof, number, attribute)
    return "nothing is known of such a relation"


def output_doubt(proof: Proof, scope: Scope, attribute: int) -> str:
    """Return why a column of a query's result may be null."""
    if attribute not in scope.doubts:
        scope.doubts[attribute] = _output_doubt(proof, scope, attribute)
    return scope.doubts[attribute]


def _output_doubt(proof: Proof, scope: Scope, attribute: int) -> str:
    targets = scope.targets
    if attribute > len(targets):
        return "nothing is known of a column that search or cycle adds"
    operation = scope.query.child("setOperations")
    if operation is not None:
        return _arms_doubt(proof.results_of(scope), operation, attribute)
    return proof.results_of(scope).doubt(targets[attribute - 1].child("expr"))


def _arms_doubt(proof: Proof, operation: Node, attribute: int) -> str:
    if operation.kind == "RANGETBLREF":
        return _source_doubt(proof, operation.number("rtindex"), attribute)
    left = _arms_doubt(proof, operation.needed("larg"), attribute)
    if not left and operation.number("op") != SetOperation.UNION:
        return ""
    right = _arms_doubt(proof, operation.needed("rarg"), attribute)
    match operation.number("op"):
        case SetOperation.UNION:
            return left or right
        case SetOperation.INTERSECT:
            return left if right else ""
        case _:
            return left


def _missing_row(scope: Scope, var: Node) -> str:  # noqa: PLR0911 - a rule a return
    """Return why the row itself may be missing from what a change returns, or be another's."""
    number = var.number("varno")
    match var.number("varreturningtype"), scope.command:
        case VarReturningType.OLD, CmdType.INSERT | CmdType.MERGE:
            return "there is no old row where one is inserted"
        case VarReturningType.NEW, CmdType.DELETE | CmdType.MERGE:
            return "there is no new row where one is deleted"
        case _:
            pass
    if number != scope.target:
        if scope.source_may_be_missing:
            return f"no row of {scope.name(number)} where none matches"
        return ""
    relation = scope.relation(number)
    if relation.word("relkind") == RelKind.VIEW:
        return f"{scope.name(number)} is a view, whose triggers or rules decide what comes back"
    if scope.catalog.relation(relation.number("relid")).ruled:
        return f"a rule of {scope.name(number)} may decide what comes back"
    return ""


def _joined_doubt(proof: Proof, var: Node) -> str:
    scope = proof.scope
    flat = scope.flatten(var)
    if flat.kind != "VAR":
        return proof.doubt(flat)
    if scope.relation(flat.number("varno")).number("rtekind") != RTEKind.JOIN:
        return column_doubt(proof, flat)
    return _merged_doubt(proof, flat, frozenset()) and proof.doubt(_merged(scope, flat))


def _merged_doubt(proof: Proof, var: Node, ignored: frozenset[int]) -> str:
    """Return why the one column of `full join using` may be null: a row has one of its sides."""
    scope, join = proof.scope, var.number("varno")
    sides = _merged(scope, var).children("args")
    doubts = (_side_doubt(proof, one, ignored | {join}) for one in sides)
    return next(filter(None, doubts), "")


def _merged(scope: Scope, var: Node) -> Node:
    return scope.relation(var.number("varno")).children("joinaliasvars")[var.number("varattno") - 1]


def _side_doubt(proof: Proof, side: Node, ignored: frozenset[int]) -> str:
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
    if kind == RTEKind.JOIN:
        return _merged_doubt(proof, flat, ignored)
    if kind == RTEKind.GROUP or scope.nulling(number) - ignored:
        return column_doubt(proof, flat)
    return relation_doubt(proof, number, flat.number("varattno"))


def _stored_doubt(proof: Proof, number: int, attribute: int) -> str:  # noqa: PLR0911 - a rule a return
    scope = proof.scope
    entry = scope.relation(number)
    if entry.word("relkind") in {RelKind.VIEW, RelKind.MATVIEW}:
        return _source_doubt(proof, number, attribute)
    relation = scope.catalog.relation(entry.number("relid"))
    if attribute < 0:
        return "" if relation.is_table else f"{relation.name} is no table of this server"
    column = relation.attributes[attribute]
    if scope.setting.stale:
        return f"a materialized view may be older than not null of {relation.name}.{column.name}"
    if column.proven:
        return ""
    if relation.kind == RelKind.FOREIGN_TABLE:
        return f"{relation.name} is a foreign table"
    if column.required:
        return f"not null of {relation.name}.{column.name} is not proven for every row"
    return f"{relation.name}.{column.name} has no not null"


def _source_doubt(proof: Proof, number: int, attribute: int) -> str:
    source = proof.scope.source(number)
    if source is None:
        return f"nothing is known of {proof.scope.name(number)}"
    return output_doubt(proof, source, attribute)


def _with_doubt(proof: Proof, number: int, attribute: int) -> str:
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


def _recursive_doubts(proof: Proof, owner: Scope, found: Node) -> list[str]:
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


def _function_doubt(proof: Proof, relation: Node, attribute: int) -> str:
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


def aggregate_doubt(proof: Proof, call: Node) -> str:  # noqa: PLR0911 - a rule a return
    """Return why an aggregate may be null."""
    function = proof.scope.catalog.function(call.number("aggfnoid"))
    if not function.builtin:
        return f"{function.name} may return null"
    # the rank a row would have is known even among none
    if function.name in COUNTS or call.word("aggkind") == AggKind.HYPOTHETICAL:
        return ""
    if call.number("agglevelsup"):
        return f"{function.name} of a query around this one"
    if "aggfilter" in call:
        return f"{function.name} may be of no row, for its filter"
    if "groupClause" not in proof.scope.query or proof.scope.grouping_sets:
        return f"{function.name} may be of no row"
    if function.name in BY_ROW:
        return ""
    if function.name not in BY_VALUE:
        return f"{function.name} may return null"
    ordered = call.word("aggkind") == AggKind.NORMAL
    arguments = [
        one.needed("expr") for one in call.children("args") if not (ordered and one.flag("resjunk"))
    ]
    rows = proof.rows_of(proof.scope)
    return rows.doubt_of_any([*arguments, *call.children("aggdirectargs")])


def window_doubt(proof: Proof, call: Node) -> str:  # noqa: PLR0911 - a rule a return
    """Return why a window function may be null."""
    function = proof.scope.catalog.function(call.number("winfnoid"))
    arguments = call.children("args")
    if not function.builtin:
        return f"{function.name} may return null"
    if function.name in COUNTS:
        return ""
    if function.name in RANKS:
        return proof.doubt_of_any(arguments)
    if function.name in {"lag", "lead"}:
        if len(arguments) < _WITH_DEFAULT:
            return f"{function.name} may find no row"
        return proof.doubt_of_any(arguments)
    if "aggfilter" in call:
        return f"{function.name} may be of no row, for its filter"
    window = proof.scope.query.children("windowClause")[call.number("winref") - 1]
    if not _has_current_row(window.number("frameOptions")):
        return f"{function.name} may be of no row, for its frame"
    if function.name in BY_ROW:
        return ""
    if function.name in BY_VALUE | {"first_value", "last_value"}:
        return proof.doubt_of_any(arguments)
    return f"{function.name} may return null"


def _has_current_row(frame: int) -> bool:
    if not frame & FrameOption.NONDEFAULT:
        return True
    # how far an offset in values reaches is for the type's own function to say
    starts = FrameOption.START_UNBOUNDED_PRECEDING | FrameOption.START_CURRENT_ROW
    ends = FrameOption.END_UNBOUNDED_FOLLOWING | FrameOption.END_CURRENT_ROW
    if frame & (FrameOption.ROWS | FrameOption.GROUPS):
        starts |= FrameOption.START_OFFSET_PRECEDING
        ends |= FrameOption.END_OFFSET_FOLLOWING
    return bool(frame & starts and frame & ends and not frame & FrameOption.EXCLUSION)


def _never(_proof: Proof, _node: Node) -> str:
    return ""


def _constant(_proof: Proof, node: Node) -> str:
    return "null itself" if node.flag("constisnull") else ""


def _parameter(proof: Proof, node: Node) -> str:
    number = node.number("paramid")
    if node.number("paramkind") != ParamKind.EXTERN:
        return "nothing is known of such a parameter"
    return f"${number} may be null" if number in proof.scope.setting.nullable_parameters else ""


def _argument(proof: Proof, node: Node) -> str:
    return proof.doubt(node.child("arg"))


def _arguments(proof: Proof, node: Node) -> str:
    return proof.doubt_of_any(node.children("args"))


def _any_argument(proof: Proof, node: Node) -> str:
    return proof.doubt_of_all(node.children("args"))


def _domain(proof: Proof, node: Node) -> str:
    if proof.scope.catalog.refuses_null(node.number("resulttype")):
        return ""
    return _argument(proof, node)


def _session_value(_proof: Proof, node: Node) -> str:
    is_schema = node.number("op") == SQLValueFunctionOp.CURRENT_SCHEMA
    return "current_schema may be null" if is_schema else ""


def _call(proof: Proof, node: Node) -> str:  # noqa: PLR0911 - a rule a return
    catalog = proof.scope.catalog
    function = catalog.function(node.number("opfuncid") or node.number("funcid"))
    arguments = node.children("args")
    may_cast = function.oid in CASTING_TO_TEXT and _has_own_text(proof, arguments)
    if node.kind == "OPEXPR" and (may_cast or not is_total(function)):
        return f"operator {catalog.operator_name(node.number('opno'))} may return null"
    doubt = f"{function.name} may return null"
    if may_cast or not function.builtin:
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


def _has_own_text(proof: Proof, arguments: list[Node]) -> bool:
    """Say whether a value may have a type that a function of one's own casts to text."""
    own_texts = proof.scope.catalog.own_texts()
    return any(
        "typ" in field and value in own_texts
        for argument in arguments
        for part in argument.walk()
        for field, value in part.fields.items()
        if isinstance(value, str)
    )


def _is_monotonic(function: CatalogFunction, arguments: list[Node]) -> bool:
    """Say whether it takes a field of a time that even an infinite time has."""
    return function.name in {"extract", "date_part"} and text_of(arguments[0]) in _ENDLESS_FIELDS


def _set_calls(proof: Proof) -> int:
    """Count the set-returning calls of a result: the shorter set is filled up with nulls."""
    return sum(
        node.flag("funcretset") or node.flag("opretset")
        for target in proof.scope.query.children("targetList")
        for node in target.walk()
    )


def _any_of_array(proof: Proof, node: Node) -> str:
    if not is_total(proof.scope.catalog.function(node.number("opfuncid"))):
        return "the operator may return null"
    value, elements = node.children("args")
    return proof.doubt(value) or _elements(proof, elements)


def _elements(proof: Proof, array: Node) -> str:
    if array.kind == "ARRAYEXPR" and not array.flag("multidims"):
        return proof.doubt_of_any(array.children("elements"))
    if array.kind == "RELABELTYPE":
        return _elements(proof, array.needed("arg"))
    return "the array may hold a null"


def _row_comparison(proof: Proof, node: Node) -> str:
    if any(operator >= FIRST_GENBKI_OBJECT_ID for operator in node.numbers("opnos")):
        return "the operator may return null"
    return proof.doubt_of_any([*node.children("largs"), *node.children("rargs")])


def _case(proof: Proof, node: Node) -> str:
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


def _subselect(proof: Proof, node: Node) -> str:
    kind = node.number("subLinkType")
    if kind in {SubLinkType.EXISTS, SubLinkType.ARRAY}:
        return ""
    inner = proof.scope.inner(node.needed("subselect"))
    if kind == SubLinkType.EXPR:
        if not inner.certain_row():
            return "the subselect may find no row"
        return proof.output(inner, 1)
    test = node.child("testexpr")
    if kind not in {SubLinkType.ANY, SubLinkType.ALL} or test is None or test.kind != "OPEXPR":
        return "nothing is known of such a subselect"
    if not is_total(proof.scope.catalog.function(test.number("opfuncid"))):
        return "the operator may return null"
    return proof.doubt(test.children("args")[0]) or proof.output(inner, 1)


def _json_constructor(proof: Proof, node: Node) -> str:
    match node.number("type"):
        case JsonConstructorType.JSON_OBJECT | JsonConstructorType.JSON_ARRAY:
            return ""
        case JsonConstructorType.JSON_OBJECTAGG | JsonConstructorType.JSON_ARRAYAGG:
            return proof.doubt(node.child("func"))
        case _:
            return _arguments(proof, node)


def _json_expression(proof: Proof, node: Node) -> str:
    failing = node.child("on_error")
    if node.number("op") != JsonExprOp.EXISTS or failing is None:
        return "the path may find nothing"
    if failing.number("btype") in {JsonBehaviorType.NULL, JsonBehaviorType.UNKNOWN}:
        return "the path may be unknown"
    return proof.doubt(node.child("formatted_expr")) or proof.doubt(node.child("path_spec"))


def _json_test(proof: Proof, node: Node) -> str:
    return proof.doubt(node.child("expr"))


def _reason(reason: str) -> Callable[[Proof, Node], str]:
    return lambda _proof, _node: reason


_RULES: Mapping[str, Callable[[Proof, Node], str]] = {
    "AGGREF": aggregate_doubt,
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
    "VAR": column_doubt,
    "WINDOWFUNC": window_doubt,
}
