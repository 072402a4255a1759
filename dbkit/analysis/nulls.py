"""Prove that an expression is never null, or say why it may be."""

from collections.abc import Iterator
from dataclasses import replace

from dbkit.analysis.catalog import CatalogFunction
from dbkit.analysis.elements import elements_doubt, is_slice
from dbkit.analysis.expressiontypes import UNKNOWN_TYPE, type_of
from dbkit.analysis.extension_functions import is_total_in_extension
from dbkit.analysis.known_functions import (
    ALL_COLUMNS,
    ALWAYS,
    BY_ALL_ARGUMENTS,
    BY_ANY_ARGUMENT,
    BY_FINITE_TIME,
    BY_FIRST_ARGUMENT,
    BY_ROW,
    BY_VALUE,
    CASTING_TO_TEXT,
    COUNTS,
    FIRST_COLUMN,
    NOW,
    OF_ANOTHER_ROW,
    SPLITTING,
    is_total,
)
from dbkit.analysis.nodes import Node, text_of, var_of
from dbkit.analysis.oids import FIRST_GENBKI_OBJECT_ID
from dbkit.analysis.proof import RULES, Proof, Rule, source_doubt
from dbkit.analysis.scope import Scope, facts_if_false, facts_of_branch
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
    SQLValueFunctionOp,
    SubLinkType,
    TableFuncType,
    VarReturningType,
)
from dbkit.analysis.writtenrows import default_of, writing_of

_JOIN_NAMES = {JoinType.LEFT: "left", JoinType.FULL: "full"}
# what extract() takes of an infinite time, too
_ENDLESS_FIELDS = frozenset({"century", "decade", "epoch", "millennium", "year"})
# lag() and lead() have the value for a missing row as third argument
_WITH_DEFAULT = 3


def _column_doubt(proof: Proof, var: Node) -> str:
    """Return why a column may be null, or a whole row if the attribute is 0."""
    scope = proof.scope
    levels = var.number("varlevelsup")
    if levels:
        local = var.replaced(varlevelsup="0")
        return "" if proof.knows(var) else proof.results_of(scope.outer(levels)).doubt(local)
    number, attribute = var.number("varno"), var.number("varattno")
    doubt = _missing_row(scope, var)
    if doubt or proof.knows(var):
        return doubt
    if var.number("varreturningtype") == VarReturningType.OLD:
        return Proof.rows_of(scope.before).doubt(var.replaced(varreturningtype="0"))
    relation = scope.relation(number)
    match relation.number("rtekind"):
        case RTEKind.JOIN if attribute:
            return _joined_doubt(proof, var)
        case RTEKind.GROUP:
            return _key_doubt(proof, relation.children("groupexprs")[attribute - 1], attribute)
        case _:
            return _join_doubt(scope, number) or _relation_doubt(proof, number, attribute)


def _key_doubt(proof: Proof, expression: Node, number: int) -> str:
    """Return why a key of `group by` may be null, which has the number in the clause."""
    scope = proof.scope
    if not scope.grouping_sets:
        return proof.doubt(expression)
    key = scope.query.children("groupClause")[number - 1]
    if key.number("tleSortGroupRef") not in scope.common_keys:
        return "grouping sets leave the key out"
    return proof.rows_of(scope).doubt(expression)


def _join_doubt(scope: Scope, number: int) -> str:
    """Return the join that may leave a relation out."""
    nulling = scope.nulling_joins(number)
    if not nulling:
        return ""
    kind = _JOIN_NAMES.get(scope.join_types[min(nulling)], "right")
    return f"{kind} join of {scope.name(number)}"


def _relation_doubt(proof: Proof, number: int, attribute: int) -> str:  # noqa: PLR0911 - a rule a return
    """Return why a column of a relation may be null where no join leaves the relation out."""
    scope = proof.scope
    relation = scope.relation(number)
    kind = relation.number("rtekind")
    if attribute == 0:
        return "the function may return no row" if kind == RTEKind.FUNCTION else ""
    if kind == RTEKind.RELATION:
        return _stored_doubt(proof, number, attribute)
    if kind == RTEKind.SUBQUERY:
        return source_doubt(proof, number, attribute)
    if kind == RTEKind.FUNCTION:
        return _function_doubt(proof, relation, attribute)
    if kind == RTEKind.VALUES:
        values = (row[attribute - 1] for row in relation.rows("values_lists"))
        return proof.rows_of(scope).doubt_unless_all(values)
    if kind == RTEKind.CTE:
        return _cte_doubt(proof, number, attribute)
    if kind == RTEKind.TABLEFUNC and is_ordinality(relation.needed("tablefunc"), attribute):
        return ""
    return "nothing is known of such a relation"


def is_ordinality(table: Node, attribute: int) -> bool:
    """Say whether a column of xmltable() or json_table() is `for ordinality`, of every row."""
    if table.number("functype") == TableFuncType.XMLTABLE:
        return table.number("ordinalitycol") == attribute - 1
    plan, expressions = table.child("plan"), table.fields.get("colvalexprs")
    # the columns of a nested path are null where it finds nothing
    if plan is None or not isinstance(expressions, list):
        return False
    is_outermost = plan.number("colMin") <= attribute - 1 <= plan.number("colMax")
    return is_outermost and expressions[attribute - 1] is None


def _missing_row(scope: Scope, var: Node) -> str:  # noqa: PLR0911 - a rule a return
    """Return why `returning` may show no row, or another row than the one that was changed."""
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
        return _column_doubt(proof, flat)
    return _merged_doubt(proof, flat, frozenset()) and proof.doubt(_merged(scope, flat))


def _merged_doubt(proof: Proof, var: Node, ignored: frozenset[int]) -> str:
    """Return why a column of `full join using` may be null.

    Each row has a value from one of the two sides, so both sides are looked at as if the join left
    none of them out. `ignored` are the joins for which this has been done.
    """
    scope, join = proof.scope, var.number("varno")
    sides = _merged(scope, var).children("args")
    doubts = (_side_doubt(proof, side, ignored | {join}) for side in sides)
    return next(filter(None, doubts), "")


def _merged(scope: Scope, var: Node) -> Node:
    return scope.relation(var.number("varno")).children("joinaliasvars")[var.number("varattno") - 1]


def _side_doubt(proof: Proof, side: Node, ignored: frozenset[int]) -> str:
    """Return why one side of such a column may be null where no ignored join leaves it out."""
    scope = proof.scope
    if side.kind in {"RELABELTYPE", "COERCEVIAIO"}:
        return _side_doubt(proof, side.needed("arg"), ignored)
    if side.kind == "FUNCEXPR" and is_total(scope.catalog.function(side.number("funcid"))):
        doubts = (_side_doubt(proof, argument, ignored) for argument in side.children("args"))
        return next(filter(None, doubts), "")
    flat = scope.flatten(side) if side.kind == "VAR" else side
    if flat.kind != "VAR":
        return proof.doubt(flat)
    number = flat.number("varno")
    kind = scope.relation(number).number("rtekind")
    if kind == RTEKind.JOIN:
        return _merged_doubt(proof, flat, ignored)
    if kind == RTEKind.GROUP or scope.nulling_joins(number) - ignored:
        return _column_doubt(proof, flat)
    return _relation_doubt(proof, number, flat.number("varattno"))


def _stored_doubt(proof: Proof, number: int, attribute: int) -> str:
    scope = proof.scope
    entry = scope.relation(number)
    if entry.word("relkind") in {RelKind.VIEW, RelKind.MATVIEW}:
        return source_doubt(proof, number, attribute)
    relation = scope.catalog.relation(entry.number("relid"))
    if attribute < 0:
        return "" if relation.is_table else f"{relation.name} is no table of this server"
    column = relation.attributes[attribute]
    if scope.context.stale:
        return f"a materialized view may be older than not null of {relation.name}.{column.name}"
    if column.proven:
        return ""
    if relation.kind == RelKind.FOREIGN_TABLE:
        return f"{relation.name} is a foreign table"
    doubt = f"{relation.name}.{column.name} has no not null"
    if column.required:
        doubt = f"not null of {relation.name}.{column.name} is not proven for every row"
    return _written_doubt(proof, number, attribute, doubt)


def _written_doubt(proof: Proof, number: int, attribute: int, stored: str) -> str:
    """Return why a column of a relation may be null, where that is the row that was written.

    `stored` is the doubt about what the table holds.
    """
    scope = proof.scope
    relation = scope.relation(number).number("relid")
    conflict = scope.query.child("onConflict")
    is_excluded = conflict is not None and conflict.number("exclRelIndex") == number
    is_new = number == scope.target and not scope.is_before and scope.command != CmdType.DELETE
    if not scope.target or not (is_new or is_excluded):
        return stored
    writing = writing_of(scope.catalog, relation)
    if writing.may_change or attribute in writing.generated:
        return stored
    # `excluded` is the row that would have been inserted
    writes = scope.writes[:1] if is_excluded else scope.writes
    doubts = (_assigned_doubt(scope, write, attribute, stored) for write in writes)
    return next(filter(None, doubts), "")


def _assigned_doubt(
    scope: Scope, write: tuple[int, list[Node]], attribute: int, stored: str
) -> str:
    """Return why a column may be null after it was written, or left as it was."""
    command, targets = write
    relation = scope.relation(scope.target).number("relid")
    before = Proof.rows_of(scope.before)
    # two for two parts of a value
    values = [target.needed("expr") for target in targets if target.number("resno") == attribute]
    if len(values) > 1:
        return stored
    if values and values[0].kind != "SETTODEFAULT":
        return before.doubt(values[0])
    if values or command == CmdType.INSERT:
        default = default_of(scope.catalog, relation, attribute)
        return before.doubt(default) if default else stored
    column = scope.catalog.relation(relation).attributes[attribute]
    return before.doubt(var_of(scope.target, attribute, column.type))


def _cte_doubt(proof: Proof, number: int, attribute: int) -> str:
    scope = proof.scope
    owner, cte = scope.cte(number)
    if not cte.flag("cterecursive"):
        return source_doubt(proof, number, attribute)
    doubts = scope.context.assumed_doubts.get(id(cte))
    if doubts is None:
        if id(cte) not in owner.recursive_doubts:
            owner.recursive_doubts[id(cte)] = _recursive_doubts(proof, owner, cte)
        doubts = owner.recursive_doubts[id(cte)]
    if attribute > len(doubts):
        return "nothing is known of a column that search or cycle adds"
    return doubts[attribute - 1]


def _recursive_doubts(proof: Proof, owner: Scope, cte: Node) -> list[str]:
    """Return the doubts about the columns of a recursive query.

    The query reads its own result. First no doubt is assumed about that; then those that follow
    from the assumption are, again and again, until the same doubts follow.
    """
    query = cte.needed("ctequery")
    doubts = ["" for _ in query.children("targetList")]
    while True:
        assumed_doubts = {**owner.context.assumed_doubts, id(cte): doubts}
        body = Scope(replace(owner.context, assumed_doubts=assumed_doubts), query, owner)
        following = [proof.output_doubt(body, number + 1) for number in range(len(doubts))]
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
    type_oid = type_of(call, scope)
    # the row of a function with one column is that column, and that of a row type is its columns
    is_value = width == 1 and type_oid != UNKNOWN_TYPE and not scope.catalog.is_row(type_oid)
    if call.kind != "FUNCEXPR":
        return proof.rows_of(scope).doubt(call) if is_value else "a part of a row"
    function = scope.catalog.function(call.number("funcid"))
    doubt = f"{function.name} may return null"
    if not function.returns_set:
        return proof.rows_of(scope).doubt(call) if is_value else doubt
    if function.builtin and function.name in FIRST_COLUMN and attribute == 1:
        return ""
    known = _set_doubt(proof.rows_of(scope), call, function)
    return doubt if known is None else known


def _aggregate_doubt(proof: Proof, call: Node) -> str:  # noqa: PLR0911 - a rule a return
    """Return why an aggregate may be null."""
    function = proof.scope.catalog.function(call.number("aggfnoid"))
    if not function.builtin:
        return f"{function.name} may return null"
    # a rank among no rows is a number, too
    if function.name in COUNTS or call.word("aggkind") == AggKind.HYPOTHETICAL:
        return ""
    if call.number("agglevelsup"):
        return f"{function.name} of a query around this one"
    if "aggfilter" in call:
        return f"{function.name} may be of no row, for its filter"
    if "groupClause" not in proof.scope.query or proof.scope.has_empty_set:
        return f"{function.name} may be of no row"
    if function.name in BY_ROW:
        return ""
    if function.name not in BY_VALUE:
        return f"{function.name} may return null"
    targets = call.children("args")
    if call.word("aggkind") == AggKind.NORMAL:
        # the others are what the rows are ordered by
        targets = [target for target in targets if not target.flag("resjunk")]
    arguments = [target.needed("expr") for target in targets]
    rows = proof.rows_of(proof.scope)
    return rows.doubt_unless_all([*arguments, *call.children("aggdirectargs")])


def _window_doubt(proof: Proof, call: Node) -> str:  # noqa: PLR0911 - a rule a return
    """Return why a window function may be null."""
    function = proof.scope.catalog.function(call.number("winfnoid"))
    arguments = call.children("args")
    if not function.builtin:
        return f"{function.name} may return null"
    if function.name in COUNTS:
        return ""
    if function.name in OF_ANOTHER_ROW:
        if function.name in {"lag", "lead"} and len(arguments) < _WITH_DEFAULT:
            return f"{function.name} may find no row"
        if function.name in {"first_value", "last_value"} and (doubt := _frame_doubt(proof, call)):
            return doubt
        # what is true of this row alone is no fact about the other one
        return Proof.results_of(proof.scope.unrestricted).doubt_unless_all(arguments)
    if "aggfilter" in call:
        return f"{function.name} may be of no row, for its filter"
    if function.name in BY_ROW | BY_VALUE and (doubt := _frame_doubt(proof, call)):
        return doubt
    if function.name in BY_ROW:
        return ""
    if function.name in BY_VALUE:
        return proof.doubt_unless_all(arguments)
    return f"{function.name} may return null"


def _frame_doubt(proof: Proof, call: Node) -> str:
    """Return why the frame of a window function may have no row, not even the row itself."""
    window = proof.scope.query.children("windowClause")[call.number("winref") - 1]
    if _has_current_row(window.number("frameOptions")):
        return ""
    function = proof.scope.catalog.function(call.number("winfnoid"))
    return f"{function.name} may be of no row, for its frame"


def _has_current_row(frame: int) -> bool:
    """Say whether the frame of a window always has the row itself."""
    if not frame & FrameOption.NONDEFAULT:
        return True
    # with `range` and an offset, a function of the type decides which rows are within
    starts = FrameOption.START_UNBOUNDED_PRECEDING | FrameOption.START_CURRENT_ROW
    ends = FrameOption.END_UNBOUNDED_FOLLOWING | FrameOption.END_CURRENT_ROW
    if frame & (FrameOption.ROWS | FrameOption.GROUPS):
        starts |= FrameOption.START_OFFSET_PRECEDING
        ends |= FrameOption.END_OFFSET_FOLLOWING
    return bool(frame & starts and frame & ends and not frame & FrameOption.EXCLUSION)


def _no_doubt(_proof: Proof, _node: Node) -> str:
    return ""


def _constant_doubt(_proof: Proof, node: Node) -> str:
    return "null itself" if node.flag("constisnull") else ""


def _parameter_doubt(proof: Proof, node: Node) -> str:
    number = node.number("paramid")
    if node.number("paramkind") != ParamKind.EXTERN:
        return "nothing is known of such a parameter"
    return f"${number} may be null" if number in proof.scope.context.nullable_parameters else ""


def _argument_doubt(proof: Proof, node: Node) -> str:
    return proof.doubt(node.child("arg"))


def _doubt_unless_all_arguments(proof: Proof, node: Node) -> str:
    return proof.doubt_unless_all(node.children("args"))


def _doubt_unless_any_argument(proof: Proof, node: Node) -> str:
    return proof.doubt_unless_any(node.children("args"))


def _field_doubt(proof: Proof, node: Node) -> str:
    """Return why a field of a row may be null: that of a whole row is a column of its relation."""
    doubt, row = "a field of a row may be null", node.needed("arg")
    if row.kind != "VAR" or row.number("varlevelsup") or row.number("varattno") <= 0:
        return doubt
    source = proof.scope.source(row.number("varno"))
    if source is None or "setOperations" in source.query or source.grouping_sets:
        return doubt
    targets = source.targets
    if row.number("varattno") > len(targets) or proof.doubt(row):
        return doubt
    whole = targets[row.number("varattno") - 1].needed("expr")
    if whole.kind != "VAR" or whole.number("varattno") or whole.number("varlevelsup"):
        return doubt
    entry = source.relation(whole.number("varno"))
    if source.command != CmdType.SELECT or entry.number("rtekind") != RTEKind.RELATION:
        return doubt
    column = whole.replaced(varattno=node.word("fieldnum"), vartype=node.word("resulttype"))
    return proof.rows_of(source).doubt(column)


def _domain_doubt(proof: Proof, node: Node) -> str:
    if proof.scope.catalog.refuses_null(node.number("resulttype")):
        return ""
    return _argument_doubt(proof, node)


def _session_value_doubt(_proof: Proof, node: Node) -> str:
    is_schema = node.number("op") == SQLValueFunctionOp.CURRENT_SCHEMA
    return "current_schema may be null" if is_schema else ""


def _call_doubt(proof: Proof, node: Node) -> str:
    catalog = proof.scope.catalog
    function = catalog.function(node.number("opfuncid") or node.number("funcid"))
    arguments = node.children("args")
    may_cast = function.oid in CASTING_TO_TEXT and _is_cast_by_users(proof, arguments)
    doubt = None if may_cast else _known_call_doubt(proof, node, function)
    if doubt is not None:
        return doubt
    if node.kind == "OPEXPR":
        return f"operator {catalog.operator_name(node.number('opno'))} may return null"
    return f"{function.name} may return null"


def _known_call_doubt(proof: Proof, node: Node, function: CatalogFunction) -> str | None:
    """Return why a call may return null, None if that is all that is known of the function."""
    arguments = node.children("args")
    if function.returns_set:
        # the shorter of two sets is filled with nulls
        return _set_doubt(proof, node, function) if _set_calls(proof) == 1 else None
    if not function.builtin:
        is_known = is_total_in_extension(proof.scope.catalog, function.oid)
        return proof.doubt_unless_all(arguments) if is_known else None
    name = function.name
    if name in BY_ANY_ARGUMENT:
        return proof.doubt_unless_any(arguments)
    is_by_all = is_total(function) or name in BY_ALL_ARGUMENTS or _is_of_finite(proof, node)
    if is_by_all or (node.flag("funcvariadic") and name in ALWAYS | BY_FIRST_ARGUMENT):
        return proof.doubt_unless_all(arguments)
    if name in ALWAYS:
        return ""
    return proof.doubt(arguments[0]) if name in BY_FIRST_ARGUMENT else None


def _set_doubt(proof: Proof, call: Node, function: CatalogFunction) -> str | None:
    """Return why a row of a set may be null, None if that is all that is known of the function."""
    if function.builtin and (function.name in ALL_COLUMNS or function.oid in SPLITTING):
        return ""
    is_unnest = function.builtin and function.name == "unnest"
    # the elements of an array of rows become their columns
    if not is_unnest or proof.scope.catalog.is_row(call.number("funcresulttype")):
        return None
    return elements_doubt(proof, call.children("args")[0])


def _is_cast_by_users(proof: Proof, arguments: list[Node]) -> bool:
    """Say whether a value may have a type that a function of a user casts to text."""
    types = proof.scope.catalog.types_cast_by_users()
    return any(
        "typ" in field and value in types
        for argument in arguments
        for part in argument.walk()
        for field, value in part.fields.items()
        if isinstance(value, str)
    )


def _is_of_finite(proof: Proof, call: Node) -> bool:
    """Say whether a call takes a field of a time that has it: an infinite one has only some."""
    catalog, arguments = proof.scope.catalog, call.children("args")
    name = catalog.function(call.number("funcid")).name if call.kind == "FUNCEXPR" else ""
    if name not in BY_FINITE_TIME:
        return False
    if name == "to_char":
        return bool(text_of(arguments[1])) and _is_finite(proof, arguments[0])
    return text_of(arguments[0]) in _ENDLESS_FIELDS or _is_finite(proof, arguments[1])


def _is_finite(proof: Proof, time: Node) -> bool:
    """Say whether an expression is a time that comes from the clock, and so is not infinite."""
    if time.kind == "SQLVALUEFUNCTION":
        return True
    if time.kind != "FUNCEXPR":
        return False
    function = proof.scope.catalog.function(time.number("funcid"))
    return function.builtin and function.name in NOW


def _set_calls(proof: Proof) -> int:
    """Count the set-returning calls of a result; the shorter of two sets is filled with nulls."""
    return sum(
        node.flag("funcretset") or node.flag("opretset")
        for target in proof.scope.query.children("targetList")
        for node in target.walk()
    )


def _subscript_doubt(proof: Proof, node: Node) -> str:
    """Return why an element or a slice of an array may be null."""
    catalog = proof.scope.catalog
    is_array = catalog.array_of(node.number("refelemtype")) == node.number("refcontainertype")
    if not is_slice(node) or not is_array:
        return "there may be no such element"
    # where an array has no such part, the slice of it is empty; a bound may be left out
    bounds = [*node.children("reflowerindexpr"), *node.children("refupperindexpr")]
    return proof.doubt_unless_all([node.needed("refexpr"), *bounds])


def _array_comparison_doubt(proof: Proof, node: Node) -> str:
    function = proof.scope.catalog.function(node.number("opfuncid"))
    if not is_total(function) and not is_total_in_extension(proof.scope.catalog, function.oid):
        return "the operator may return null"
    value, elements = node.children("args")
    return proof.doubt_unless_all([value, elements]) or elements_doubt(proof, elements)


def _row_comparison_doubt(proof: Proof, node: Node) -> str:
    if any(operator >= FIRST_GENBKI_OBJECT_ID for operator in node.numbers("opnos")):
        return "the operator may return null"
    return proof.doubt_unless_all([*node.children("largs"), *node.children("rargs")])


def _case_doubt(proof: Proof, node: Node) -> str:
    default = node.child("defresult")
    for branch, result in results_of_case(proof, node):
        if result is default and result.flag("constisnull"):
            return "case without else"
        doubt = branch.doubt(result)
        if doubt:
            return doubt
    return "" if default else "case without else"


def results_of_case(proof: Proof, case: Node) -> Iterator[tuple[Proof, Node]]:
    """Yield the results of `case`, each with the proof for the rows in which it is taken."""
    remaining = proof
    for branch in case.children("args"):
        yield (
            remaining.with_facts(facts_of_branch(case, branch, proof.scope)),
            branch.needed("result"),
        )
        condition = branch.needed("expr")
        # the next branch is taken if the condition is false or null: if never null, it is false
        if "arg" not in case and not remaining.doubt(condition):
            remaining = remaining.with_facts(facts_if_false(condition, proof.scope))
    default = case.child("defresult")
    if default is not None:
        yield remaining, default


def _sublink_doubt(proof: Proof, node: Node) -> str:
    kind = node.number("subLinkType")
    if kind in {SubLinkType.EXISTS, SubLinkType.ARRAY}:
        return ""
    inner = proof.scope.inner(node.needed("subselect"))
    if kind == SubLinkType.EXPR:
        if not inner.has_certain_row():
            return "the subselect may find no row"
        return proof.output_doubt(inner, 1)
    test = node.child("testexpr")
    if kind not in {SubLinkType.ANY, SubLinkType.ALL} or test is None or test.kind != "OPEXPR":
        return "nothing is known of such a subselect"
    if not is_total(proof.scope.catalog.function(test.number("opfuncid"))):
        return "the operator may return null"
    return proof.doubt(test.children("args")[0]) or proof.output_doubt(inner, 1)


def _json_constructor_doubt(proof: Proof, node: Node) -> str:
    match node.number("type"):
        case JsonConstructorType.JSON_OBJECT | JsonConstructorType.JSON_ARRAY:
            return ""
        case JsonConstructorType.JSON_OBJECTAGG | JsonConstructorType.JSON_ARRAYAGG:
            return proof.doubt(node.child("func"))
        case _:
            return _doubt_unless_all_arguments(proof, node)


def _json_expression_doubt(proof: Proof, node: Node) -> str:
    on_error = node.child("on_error")
    if node.number("op") != JsonExprOp.EXISTS or on_error is None:
        return "the path may find nothing"
    if on_error.number("btype") in {JsonBehaviorType.NULL, JsonBehaviorType.UNKNOWN}:
        return "the path may be unknown"
    return proof.doubt(node.child("formatted_expr")) or proof.doubt(node.child("path_spec"))


def _json_test_doubt(proof: Proof, node: Node) -> str:
    return proof.doubt(node.child("expr"))


def _always(reason: str) -> Rule:
    return lambda _proof, _node: reason


_RULES: dict[str, Rule] = {
    "AGGREF": _aggregate_doubt,
    "ARRAYCOERCEEXPR": _argument_doubt,
    "ARRAYEXPR": _no_doubt,
    "BOOLEANTEST": _no_doubt,
    "BOOLEXPR": _doubt_unless_all_arguments,
    "CASEEXPR": _case_doubt,
    "COALESCEEXPR": _doubt_unless_any_argument,
    "COERCETODOMAIN": _domain_doubt,
    "COERCEVIAIO": _argument_doubt,
    "COLLATEEXPR": _argument_doubt,
    "CONST": _constant_doubt,
    "CONVERTROWTYPEEXPR": _argument_doubt,
    "DISTINCTEXPR": _no_doubt,
    "FIELDSELECT": _field_doubt,
    "FUNCEXPR": _call_doubt,
    "GROUPINGFUNC": _no_doubt,
    "JSONCONSTRUCTOREXPR": _json_constructor_doubt,
    "JSONEXPR": _json_expression_doubt,
    "JSONISPREDICATE": _json_test_doubt,
    "MERGESUPPORTFUNC": _no_doubt,
    "MINMAXEXPR": _doubt_unless_any_argument,
    "NAMEDARGEXPR": _argument_doubt,
    "NEXTVALUEEXPR": _no_doubt,
    "NULLIFEXPR": _always("nullif is null where both are equal"),
    "NULLTEST": _no_doubt,
    "OPEXPR": _call_doubt,
    "PARAM": _parameter_doubt,
    "RELABELTYPE": _argument_doubt,
    "ROWCOMPAREEXPR": _row_comparison_doubt,
    "ROWEXPR": _no_doubt,
    "SCALARARRAYOPEXPR": _array_comparison_doubt,
    "SQLVALUEFUNCTION": _session_value_doubt,
    "SUBLINK": _sublink_doubt,
    "SUBSCRIPTINGREF": _subscript_doubt,
    "VAR": _column_doubt,
    "WINDOWFUNC": _window_doubt,
}
RULES.update(_RULES)
