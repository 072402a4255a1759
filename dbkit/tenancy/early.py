"""Find the calls that may run on another tenant's row before a condition leaves it out.

The planner runs conditions in the order that it finds cheapest, and moves them into sub-selects and
joins. So a call in a condition may see any row of a table, and if it fails, its error tells of
that row. What stands in the list of a query runs after the conditions of this query, but not after
those of the queries around it.
"""

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import TypeAlias

from dbkit.analysis import Node, RTEKind, SubLinkType, Value, at_most_one, conjuncts
from dbkit.tenancy.binding import Binding, Crossing, OuterRow, concluded_tags
from dbkit.tenancy.failing import Failing
from dbkit.tenancy.restrictions import listed, own_nodes
from dbkit.tenancy.tags import may_be_global

_Guards: TypeAlias = frozenset[int]
_NO_GUARDS: _Guards = frozenset()
# what a condition is moved through only if it stays true of the same rows
_FENCES = ("limitCount", "limitOffset", "rowMarks")


class Moment(Enum):
    """When an expression runs, as far as the query that it stands in says."""

    # before conditions, or between them
    AMONG_CONDITIONS = auto()
    # where a row was read, and conditions on this relation alone are true of it
    AFTER_SCAN = auto()
    AFTER_CONDITIONS = auto()


def find_telling_calls(statement: Binding, failing: Failing) -> Iterator[Crossing]:
    """Yield the calls whose error can tell of another tenant's row.

    The statement is followed with nothing concluded from conditions that may come later.
    """
    for binding in statement.with_inner():
        yield from _Query(binding, failing).calls()


class _Query:
    """One query, whose expressions are looked at."""

    def __init__(self, binding: Binding, failing: Failing) -> None:
        self._binding = binding
        self._failing = failing
        self._seen: set[tuple[int, Moment, _Guards]] = set()
        self._found: dict[Crossing, None] = {}

    def calls(self) -> list[Crossing]:
        """Return the calls in the query's own expressions."""
        query = self._binding.scope.query
        for condition in _conditions(query):
            self._look(condition, self._binding, Moment.AMONG_CONDITIONS)
        for expression in _scanned(query.children("rtable")):
            self._look(expression, self._binding, Moment.AFTER_SCAN)
        for expression in listed(query):
            self._look(expression, self._binding, Moment.AFTER_CONDITIONS)
        return list(self._found)

    def _look(  # noqa: PLR0911 - a kind a return
        self, node: Node, binding: Binding, moment: Moment, guards: _Guards = _NO_GUARDS
    ) -> str:
        """Note the calls in an expression, and return a column in it that may be another's."""
        match node.kind:
            case "VAR":
                return self._look_behind(node, binding, moment, guards)
            case "SUBLINK":
                return self._look_at_sublink(node, binding, moment, guards)
            case "CASEEXPR" if "arg" not in node:
                return self._look_at_case(node, binding, moment, guards)
            case "BOOLEXPR" | "COALESCEEXPR":
                return self._look_in_order(node, binding, moment, guards)
            case "AGGREF" | "WINDOWFUNC" if moment is not Moment.AFTER_CONDITIONS:
                # it is made of the rows that are left, whatever is asked of it afterwards
                return self._look_below(node, binding, Moment.AFTER_CONDITIONS, _NO_GUARDS)
            case "AGGREF" | "WINDOWFUNC":
                return self._look_below(node, binding, moment, _NO_GUARDS)
            case _:
                return self._look_below(node, binding, moment, guards)

    def _look_below(self, node: Node, binding: Binding, moment: Moment, guards: _Guards) -> str:
        columns = {
            id(child): self._look(child, binding, moment, guards) for child in _children(node)
        }
        for argument in self._failing.arguments(node):
            column = columns.get(id(argument), "")
            if not column and id(argument) not in columns:
                column = self._look(argument, binding, moment, guards)
            if column:
                self._note(f"{self._failing.words(node)} of {column}", binding)
                break
        return next((column for column in columns.values() if column), "")

    def _look_behind(self, var: Node, binding: Binding, moment: Moment, guards: _Guards) -> str:
        """Look at what a column of a relation stands for."""
        levels = var.number("varlevelsup")
        if levels:
            return self._look_outside(var, binding, levels)
        scope = binding.scope
        number, attribute = var.number("varno"), var.number("varattno")
        relation = scope.relation(number)
        match relation.number("rtekind"):
            case RTEKind.JOIN if attribute > 0:
                below = relation.children("joinaliasvars")[attribute - 1]
                return self._look(below, binding, moment, guards)
            case RTEKind.GROUP:
                below = relation.children("groupexprs")[attribute - 1]
                return self._look(below, binding, moment, guards)
            case _:
                pass
        if number in guards or self._is_kept(binding, number, moment):
            return ""
        source = binding.sources.get(number)
        if source is not None and attribute > 0 and _lets_through(source):
            return self._look_inside(source, attribute, moment)
        return _column_name(binding, number, attribute)

    def _look_inside(self, source: Binding, attribute: int, moment: Moment) -> str:
        """Look at the expression of a sub-select's result, where a condition may be moved to it."""
        scope = source.scope
        if "setOperations" in scope.query:
            columns = [
                self._look_behind(
                    Node("VAR", {"varno": str(arm), "varattno": str(attribute)}),
                    source,
                    moment,
                    _NO_GUARDS,
                )
                for arm in source.sources
            ]
            return next((column for column in columns if column), "")
        key = (id(source) ^ attribute, moment, _NO_GUARDS)
        target = scope.targets[attribute - 1].needed("expr")
        if key in self._seen:
            return _first_column(target, source)
        self._seen.add(key)
        return self._look(target, source, moment)

    def _look_outside(self, var: Node, binding: Binding, levels: int) -> str:
        """Look at a column of a query around: its row may have passed the conditions there."""
        owner, row = binding.around(levels)
        if owner is None:
            return ""
        number, attribute = var.number("varno"), var.number("varattno")
        moment = {
            OuterRow.ANY: Moment.AMONG_CONDITIONS,
            OuterRow.SCANNED: Moment.AFTER_SCAN,
            OuterRow.KEPT: Moment.AFTER_CONDITIONS,
        }[row]
        outside = var.replaced(varlevelsup="0")
        plain = owner.scope.flatten(outside)
        if plain.kind == "VAR" and self._is_kept(owner, plain.number("varno"), moment):
            return ""
        return _column_name(owner, number, attribute)

    def _look_at_sublink(
        self, sublink: Node, binding: Binding, moment: Moment, guards: _Guards
    ) -> str:
        inner = binding.sublinks.get(id(sublink.needed("subselect")))
        test = sublink.child("testexpr")
        column = self._look(test, binding, moment, guards) if test is not None else ""
        if inner is None:
            return column
        if test is not None and moment is Moment.AMONG_CONDITIONS and _lets_through(inner):
            # `in (select …)` becomes a join, and what is selected a condition of it
            for target in inner.scope.targets:
                column = self._look(target.needed("expr"), inner, moment) or column
        outer = self._outer_column(inner)
        is_single = test is not None or _is_exists(sublink) or at_most_one(inner.scope)
        if outer and not is_single:
            self._note(f"a sub-select of more than one row for {outer}", binding)
        return column or outer

    def _look_in_order(self, node: Node, binding: Binding, moment: Moment, guards: _Guards) -> str:
        """Look at `or` and its like, which run an argument unless one before it decides."""
        column = ""
        for argument in node.children("args"):
            if column:
                self._look_for_any_failure(argument, binding, column)
            column = self._look(argument, binding, moment, guards) or column
        return column

    def _look_at_case(self, case: Node, binding: Binding, moment: Moment, guards: _Guards) -> str:
        """Look at `case when`, which runs a result only where its condition is true."""
        columns: list[str] = []
        for when in case.children("args"):
            condition, result = when.needed("expr"), when.needed("result")
            columns.append(self._look(condition, binding, moment, guards))
            guarded = guards | _guards(binding, condition)
            if columns[-1] and guarded == guards:
                self._look_for_any_failure(result, binding, columns[-1])
            columns.append(self._look(result, binding, moment, guarded))
        default = case.child("defresult")
        if default is not None:
            if any(columns):
                self._look_for_any_failure(default, binding, next(filter(None, columns)))
            columns.append(self._look(default, binding, moment, guards))
        return next((column for column in columns if column), "")

    def _look_for_any_failure(self, result: Node, binding: Binding, column: str) -> None:
        """Note a call that fails by its parameters alone: that it runs tells of the condition."""
        for node in result.walk():
            arguments = self._failing.arguments(node)
            if any(inner.kind == "PARAM" for argument in arguments for inner in argument.walk()):
                self._note(f"{self._failing.words(node)}, which runs or not by {column},", binding)

    def _outer_column(self, inner: Binding) -> str:
        """Return a column of a query around a sub-select that may be another tenant's, or ""."""
        for var, depth in _outer_vars(inner.scope.query, 0):
            owner_levels = var.number("varlevelsup") - depth
            column = self._look_outside(var, inner, owner_levels) if owner_levels > 0 else ""
            if column:
                return column
        return ""

    def _is_kept(self, binding: Binding, number: int, moment: Moment) -> bool:
        """Say whether a row of a relation is not another tenant's at a moment."""
        conflict = binding.scope.query.child("onConflict")
        if conflict is not None and number == conflict.number("exclRelIndex"):
            return True
        if binding.tenant_table(number):
            return (
                binding.is_shielded(number)
                or {
                    Moment.AMONG_CONDITIONS: False,
                    Moment.AFTER_SCAN: binding.is_bound_by_itself(number),
                    Moment.AFTER_CONDITIONS: number in binding.bound,
                }[moment]
            )
        source = binding.sources.get(number)
        if source is not None:
            is_reached = moment is Moment.AMONG_CONDITIONS and _lets_through(source)
            return not is_reached and _is_clean(source)
        return not any(
            self._look(call, binding, Moment.AFTER_SCAN)
            for call in _scanned([binding.scope.relation(number)])
        )

    def _note(self, what: str, binding: Binding) -> None:
        tenant = binding.context.ownership.tenant
        message = (
            f"{what} can fail before the row of another tenant is left out, and the error tells "
            f"of it; move it into the list of a query that binds the table itself, or into `case "
            f"when … = :'{tenant}' then … end`"
        )
        self._found[Crossing("error", what, message)] = None


def _conditions(query: Node) -> Iterator[Node]:
    """Yield the conditions of a query."""
    tree = query.child("jointree")
    if tree is not None:
        for node in _walk(tree):
            if node.kind in {"FROMEXPR", "JOINEXPR"}:
                yield from conjuncts(node.child("quals"))
    # a condition on groups without an aggregate becomes a condition on rows
    yield from conjuncts(query.child("havingQual"))
    yield from conjuncts(query.child("mergeJoinCondition"))
    for action in query.children("mergeActionList"):
        yield from conjuncts(action.child("qual"))
    conflict = query.child("onConflict")
    if conflict is not None:
        yield from conjuncts(conflict.child("onConflictWhere"))


def _scanned(relations: Iterable[Node]) -> Iterator[Node]:
    """Yield what is called in `from`, for each row before it."""
    for relation in relations:
        yield from relation.children("functions")
        for row in relation.rows("values_lists"):
            yield from row
        table = relation.child("tablefunc")
        if table is not None:
            yield table


def _children(node: Node) -> Iterator[Node]:
    """Yield the nodes directly below, but no queries."""
    waiting: list[Value] = list(node.fields.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, Node) and value.kind != "QUERY":
            yield value


def _walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, but nothing of the queries in it."""
    yield node
    yield from own_nodes(node)


def _outer_vars(query: Node, depth: int) -> Iterator[tuple[Node, int]]:
    """Yield the columns in a query and those within it that are of a query around it."""
    waiting: list[Value] = list(query.fields.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, Node) and value.kind == "QUERY":
            yield from _outer_vars(value, depth + 1)
        elif isinstance(value, Node):
            if value.kind == "VAR" and value.number("varlevelsup") > depth:
                yield value, depth
            waiting.extend(value.fields.values())


def _is_exists(sublink: Node) -> bool:
    # an array takes all rows
    return sublink.number("subLinkType") in {SubLinkType.EXISTS, SubLinkType.ARRAY}


def _lets_through(source: Binding) -> bool:
    """Say whether a condition on the result of a query may be moved into the query."""
    query = source.scope.query
    return not source.is_run_once and not any(field in query for field in _FENCES)


def _is_clean(source: Binding) -> bool:
    """Say whether all rows that make a query's result are kept to the tenant by its own conditions.

    What stands in its conditions makes none of them.
    """
    waiting, seen = [source], set[int]()
    while waiting:
        binding = waiting.pop()
        # a recursive query reads itself
        if id(binding) in seen:
            continue
        seen.add(id(binding))
        for number in binding.restrictions.conditions:
            is_kept = number in binding.bound or binding.is_shielded(number)
            if binding.tenant_table(number) and not is_kept:
                return False
        waiting += binding.sources.values()
        waiting += (
            inner for inner in binding.sublinks.values() if inner.outer_row is OuterRow.KEPT
        )
    return True


def _first_column(expression: Node, binding: Binding) -> str:
    for node in _walk(expression):
        if node.kind == "VAR" and not node.number("varlevelsup"):
            return _column_name(binding, node.number("varno"), node.number("varattno"))
    return ""


def _column_name(binding: Binding, number: int, attribute: int) -> str:
    names = binding.scope.relation(number).needed("eref").words("colnames")
    alias = binding.scope.name(number)
    return f"{alias}.{names[attribute - 1]}" if 0 < attribute <= len(names) else alias


def _guards(binding: Binding, condition: Node) -> _Guards:
    """Return the relations whose row is the tenant's, or everybody's, where a condition is true."""
    ownership = binding.context.ownership
    guarded: set[int] = set()
    for number in binding.restrictions.conditions:
        if binding.tenant_table(number):
            relation = binding.scope.relation(number).number("relid")
            tags = concluded_tags(binding, conjuncts(condition), number)
            if may_be_global(ownership, relation, tags) is not None:
                guarded.add(number)
    return frozenset(guarded)
