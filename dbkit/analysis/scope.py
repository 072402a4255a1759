"""A query of a statement: its relations, which joins may leave them out, and what must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.foreign_keys import foreign_keys
from dbkit.analysis.nodes import Node, Value
from dbkit.analysis.oids import INT2OID, INT4OID, INT8_CASTS, INT8OID
from dbkit.analysis.vocabulary import (
    BoolTestType,
    CmdType,
    GroupingSetKind,
    JoinType,
    MergeMatchKind,
    NullTestType,
    OnConflictAction,
    RelKind,
    RTEKind,
    SetOperation,
    SubLinkType,
)

Key: TypeAlias = "tuple[str | int | Key | None, ...]"
Facts: TypeAlias = "frozenset[Key]"

NO_FACTS: Facts = frozenset()
# fields that say how an expression was written, and nothing about its value
_SPELLING = frozenset(
    {
        "location", "varnosyn", "varattnosyn", "varnullingrels", "resname", "funcformat",
        "relabelformat", "coerceformat", "row_format", "list_start", "list_end",
    }
)  # fmt: skip
# null where their argument is null
_NULL_OF_NULL = frozenset(
    {
        "RELABELTYPE", "COERCEVIAIO", "ARRAYCOERCEEXPR", "COLLATEEXPR", "CONVERTROWTYPEEXPR",
        "COERCETODOMAIN", "FIELDSELECT", "NAMEDARGEXPR",
    }
)  # fmt: skip
# true or false, and never null
_NEVER_UNKNOWN = frozenset({"BOOLEANTEST", "DISTINCTEXPR", "NULLTEST"})
_INTEGERS = frozenset({INT2OID, INT4OID, INT8OID})


@dataclass(frozen=True, slots=True)
class ScopeContext:
    """What all queries of a statement, or of a view, have in common."""

    catalog: Catalog
    nullable_parameters: frozenset[int] = frozenset()
    # a materialized view may hold rows from before a constraint, so no constraint is believed
    stale: bool = False
    # nothing is changed or locked, so that all rows are those of one moment
    reads_only: bool = False
    # the doubts about the columns of a recursive query that its own proof assumes
    assumed_doubts: Mapping[int, list[str]] = field(default_factory=dict[int, list[str]])
    # each view is read once, however many views lead to it
    views: "dict[tuple[int, bool, bool], Scope]" = field(
        default_factory=lambda: dict[tuple[int, bool, bool], Scope]()  # noqa: PLW0108 - below
    )


@dataclass(slots=True)
class _Walk:
    """What a walk through the join tree has found."""

    # by the number of a relation, the joins that may leave it out
    nulling_joins: dict[int, frozenset[int]] = field(default_factory=dict[int, frozenset[int]])
    # the conditions that are true of every row
    conditions: list[Node] = field(default_factory=list[Node])


class Scope:
    """A query, with the queries around it."""

    def __init__(
        self,
        context: ScopeContext,
        query: Node,
        parent: "Scope | None" = None,
        extra_facts: Facts = NO_FACTS,
        *,
        is_before: bool = False,
    ) -> None:
        self.context = context
        # whether the columns of what a statement changes have the values from before
        self.is_before = is_before
        self.query = query
        self.parent = parent
        self.relations = query.children("rtable")
        self.command = query.number("commandType")
        self.target = query.number("resultRelation")
        self.grouping_sets = "groupingSets" in query
        # an outer join is an inner one here if the conditions make it so
        self.join_types = {
            join.number("rtindex"): JoinType(join.number("jointype"))
            for join in joins_in(query.child("jointree"))
        }
        # by the number of a column of the result
        self.output_doubts: dict[int, str] = {}
        # by the id of a recursive `with` query
        self.recursive_doubts: dict[int, list[str]] = {}
        self._inner: dict[int, Scope] = {}
        self._before: Scope | None = None
        self._unrestricted = self
        self._extra_facts = extra_facts
        self._walk = _Walk()
        self.facts = NO_FACTS
        self._settle()

    @property
    def catalog(self) -> Catalog:
        """The catalog of the database."""
        return self.context.catalog

    @property
    def conditions(self) -> list[Node]:
        """The conditions that are true of every row."""
        return self._walk.conditions

    @property
    def source_may_be_missing(self) -> bool:
        """Whether it is a merge that also returns rows without a row of its source."""
        return self.command == CmdType.MERGE and any(
            action.number("matchKind") == MergeMatchKind.NOT_MATCHED_BY_SOURCE
            and "matchKind" in action
            for action in self.query.children("mergeActionList")
        )

    @property
    def targets(self) -> list[Node]:
        """The columns of the result."""
        field_name = "targetList" if self.command == CmdType.SELECT else "returningList"
        return [target for target in self.query.children(field_name) if not target.flag("resjunk")]

    @property
    def writes(self) -> list[tuple[int, list[Node]]]:
        """What may write the rows that come back: the kinds of command, and what is assigned."""
        query = self.query
        if self.command == CmdType.MERGE:
            return [
                (action.number("commandType"), action.children("targetList"))
                for action in query.children("mergeActionList")
                if action.number("commandType") != CmdType.NOTHING
            ]
        writes = [(self.command, query.children("targetList"))]
        conflict = query.child("onConflict")
        if conflict is not None and conflict.number("action") != OnConflictAction.NOTHING:
            writes.append((CmdType.UPDATE, conflict.children("onConflictSet")))
        return writes

    def relation(self, number: int) -> Node:
        """Return the entry of the range table that has this number."""
        return self.relations[number - 1]

    def name(self, number: int) -> str:
        """Return the name of a relation in the query, its alias if it has one."""
        return self.relation(number).needed("eref").word("aliasname")

    def outer(self, levels: int) -> "Scope":
        """Return the query that is so many levels further out."""
        scope = self
        for _ in range(levels):
            if scope.parent is None:
                raise KeyError(levels)
            scope = scope.parent
        return scope

    def with_facts(self, facts: Facts) -> "Scope":
        """Return the same query, restricted to rows of which more facts are true."""
        if facts <= self._extra_facts | self.facts:
            return self
        restricted = Scope(
            self.context,
            self.query,
            self.parent,
            self._extra_facts | facts,
            is_before=self.is_before,
        )
        restricted._unrestricted = self._unrestricted
        return restricted

    @property
    def unrestricted(self) -> "Scope":
        """The same query with all its rows, where it was restricted to some of them."""
        return self._unrestricted

    @property
    def before(self) -> "Scope":
        """The same statement for the expressions that it assigns: of rows before the change."""
        if self._before is None:
            self._before = Scope(self.context, self.query, self.parent, is_before=True)
        return self._before

    def inner(self, query: Node) -> "Scope":
        """Return a query that stands within this one."""
        if id(query) not in self._inner:
            self._inner[id(query)] = Scope(self.context, query, self)
        return self._inner[id(query)]

    def cte(self, number: int) -> "tuple[Scope, Node]":
        """Return the `with` query that a relation reads, after the query that it belongs to."""
        relation = self.relation(number)
        owner = self.outer(relation.number("ctelevelsup"))
        name = relation.word("ctename")
        [cte] = [cte for cte in owner.query.children("cteList") if cte.word("ctename") == name]
        return owner, cte

    def source(self, number: int) -> "Scope | None":
        """Return the query of a relation that is a sub-select, a `with` query or a view."""
        relation = self.relation(number)
        match relation.number("rtekind"):
            case RTEKind.SUBQUERY:
                return self.inner(relation.needed("subquery"))
            case RTEKind.CTE:
                owner, cte = self.cte(number)
                return None if cte.flag("cterecursive") else owner.inner(cte.needed("ctequery"))
            case RTEKind.RELATION if relation.word("relkind") in {RelKind.VIEW, RelKind.MATVIEW}:
                return self._view(relation)
            case _:
                return None

    def flatten(self, var: Node) -> Node:
        """Return the expression behind a column of a join, or behind a key of `group by`."""
        expression = var
        while expression.kind == "VAR" and not expression.number("varlevelsup"):
            relation = self.relation(expression.number("varno"))
            attribute = expression.number("varattno")
            kind = relation.number("rtekind")
            if kind == RTEKind.JOIN and attribute > 0:
                below = relation.children("joinaliasvars")[attribute - 1]
                if below.kind == "COALESCEEXPR":
                    break
            elif kind == RTEKind.GROUP and not self.grouping_sets:
                below = relation.children("groupexprs")[attribute - 1]
            else:
                break
            expression = below
        return expression

    @property
    def common_keys(self) -> frozenset[int]:
        """The keys of `group by` that stand in every grouping set, by their references."""
        items = self.query.children("groupingSets")
        return frozenset[int]().union(*map(_keys_in_every_set, items))

    @property
    def has_empty_set(self) -> bool:
        """Whether a grouping set has no key, and so a row where there is none to group."""
        items = self.query.children("groupingSets")
        return self.grouping_sets and all(map(_may_be_empty, items))

    def nulling_joins(self, number: int) -> frozenset[int]:
        """Return the joins that may leave a relation out."""
        return self._walk.nulling_joins.get(number, frozenset())

    def has_certain_row(self) -> bool:  # noqa: PLR0911 - a rule a return
        """Say whether a row comes back, whatever the tables hold."""
        query = self.query
        if "limitOffset" in query or not _lets_a_row_pass(query):
            return False
        if query.flag("hasTargetSRFs"):
            return False
        if self.command == CmdType.INSERT:
            return self._inserts_certainly()
        if self.command != CmdType.SELECT:
            return False
        operation = query.child("setOperations")
        if operation is not None:
            return self._has_certain_arm(operation)
        if "groupClause" in query or self.grouping_sets:
            return False
        if "havingQual" in query:
            return False
        tree = query.needed("jointree")
        if query.flag("hasAggs"):
            return True
        return "quals" not in tree and all(
            self._is_certain(member) for member in tree.children("fromlist")
        )

    def _has_certain_arm(self, operation: Node) -> bool:
        if operation.kind == "RANGETBLREF":
            source = self.source(operation.number("rtindex"))
            return source is not None and source.has_certain_row()
        arms = [operation.needed("larg"), operation.needed("rarg")]
        return operation.number("op") == SetOperation.UNION and any(
            map(self._has_certain_arm, arms)
        )

    def _inserts_certainly(self) -> bool:
        relation = self.catalog.relation(self.relation(self.target).number("relid"))
        if relation.ruled or not relation.is_table or "insert" in relation.may_skip:
            return False
        conflict = self.query.child("onConflict")
        if conflict is not None:
            if conflict.number("action") == OnConflictAction.NOTHING:
                return False
            if "onConflictWhere" in conflict or "update" in relation.may_skip:
                return False
        tree = self.query.needed("jointree")
        return all(self._is_certain(member) for member in tree.children("fromlist"))

    def _is_certain(self, tree: Node) -> bool:
        if tree.kind != "RANGETBLREF":
            return False
        number = tree.number("rtindex")
        relation = self.relation(number)
        if relation.number("rtekind") == RTEKind.VALUES:
            return True
        if relation.number("rtekind") == RTEKind.FUNCTION:
            # a function that returns no set returns one row, even if it is of nulls
            calls = [entry.needed("funcexpr") for entry in relation.children("functions")]
            return any(not call.flag("funcretset") for call in calls)
        source = self.source(number)
        return source is not None and source.has_certain_row()

    def _view(self, relation: Node) -> "Scope | None":
        oid = relation.number("relid")
        query = self.catalog.view(oid)
        if query is None:
            return None
        stale = self.context.stale or relation.word("relkind") == RelKind.MATVIEW
        reads_only = self.context.reads_only and reads_only_in(query)
        views, key = self.context.views, (oid, stale, reads_only)
        if key not in views:
            context = replace(
                self.context,
                nullable_parameters=frozenset(),
                stale=stale,
                reads_only=reads_only,
                assumed_doubts={},
            )
            views[key] = Scope(context, query)
        return views[key]

    def _settle(self) -> None:
        """Take facts from the conditions, make outer joins inner ones by them, and begin again."""
        tree = self.query.child("jointree")
        while True:
            self._walk = _Walk()
            if tree is not None and self.command != CmdType.MERGE:
                self._visit(tree, frozenset(), holds=True)
            elif tree is not None:
                self._visit(tree, frozenset(), holds=False)
            learned = (facts_if_true(condition, self) for condition in self._walk.conditions)
            self.facts = self._extra_facts.union(*learned)
            if tree is None or not self._reduce(tree):
                break
        if self.command in {CmdType.UPDATE, CmdType.INSERT, CmdType.MERGE} and not self.is_before:
            # the result shows the new row, and the conditions were true of the old one
            self.facts = self._extra_facts | {
                fact
                for fact in self.facts
                if fact[0] in {"VAR", "RELATION"} and fact[1] != self.target
            }

    def _visit(self, tree: Node, nulling: frozenset[int], *, holds: bool) -> None:
        """Note the relations and conditions of a part of the join tree.

        `holds` says whether its conditions are true of every row.
        """
        if tree.kind == "RANGETBLREF":
            number = tree.number("rtindex")
            self._walk.nulling_joins[number] = nulling
            return
        quals = tree.child("quals")
        if tree.kind == "FROMEXPR":
            for member in tree.children("fromlist"):
                self._visit(member, nulling, holds=holds)
            self._walk.conditions += conjuncts(quals) if holds else []
            return
        number = tree.number("rtindex")
        kind = self.join_types[number]
        with_this = nulling | {number}
        left = with_this if kind in {JoinType.FULL, JoinType.RIGHT} else nulling
        may_miss = kind in {JoinType.FULL, JoinType.LEFT} and not self._always_joins(tree)
        right = with_this if may_miss else nulling
        self._visit(tree.needed("larg"), left, holds=holds and left is nulling)
        self._visit(tree.needed("rarg"), right, holds=holds and right is nulling)
        self._walk.nulling_joins[number] = nulling
        if kind == JoinType.INNER and holds:
            self._walk.conditions += conjuncts(quals)

    def _reduce(self, tree: Node) -> bool:
        """Make outer joins inner ones where facts show that no side is missing; say if any was."""
        present = {fact[1] for fact in self.facts if _is_presence(fact)}
        changed = False
        for join in joins_in(tree):
            number = join.number("rtindex")
            kind = self.join_types[number]
            left, right = join.needed("larg"), join.needed("rarg")
            has_left = bool(present & relations_in(left))
            has_right = bool(present & relations_in(right))
            if kind != JoinType.INNER:
                has_left = has_left or self._finds_row(join, left)
                has_right = has_right or self._finds_row(join, right)
            reduced = _reduced(kind, has_left=has_left, has_right=has_right)
            changed |= reduced != kind
            self.join_types[number] = reduced
        return changed

    def _finds_row(self, join: Node, side: Node) -> bool:
        """Say whether a foreign key makes a join find a row of one side for each of the other."""
        conditions = conjuncts(join.child("quals"))
        is_certain = self.context.reads_only and not self.context.stale
        if not is_certain or not conditions or not self._is_whole_table(side):
            return False
        comparisons = [self._compared(part, side.number("rtindex")) for part in conditions]
        others = {comparison[0] for comparison in comparisons}
        [other, *more] = others
        if more or not other:
            return False
        entry, referenced = self.relation(other), self.relation(side.number("rtindex"))
        compared = {(column, target): operator for _, column, target, operator in comparisons}
        return any(
            key.referenced == referenced.number("relid")
            and key.operators.keys() == compared.keys()
            and all(compared[pair] == operators for pair, operators in key.operators.items())
            and all(self._has_value(join, other, column) for column, _ in compared)
            for key in foreign_keys(self.catalog, entry.number("relid"))
        )

    def _is_whole_table(self, side: Node) -> bool:
        """Say whether one side of a join is all rows of a table."""
        if side.kind != "RANGETBLREF":
            return False
        entry = self.relation(side.number("rtindex"))
        return (
            entry.number("rtekind") == RTEKind.RELATION
            and entry.word("relkind") in {RelKind.RELATION, RelKind.PARTITIONED_TABLE}
            and (entry.flag("inh") or entry.word("relkind") == RelKind.RELATION)
            and "tablesample" not in entry
        )

    def _compared(self, condition: Node, number: int) -> tuple[int, int, int, tuple[int, int]]:
        """Return which column of another table a condition compares with one of a table.

        It is the other table's number, its column, the column of the table, and the operator in
        both orders; the number is 0 if the condition is anything else.
        """
        nothing = (0, 0, 0, (0, 0))
        sides = condition.children("args")
        if condition.kind != "OPEXPR" or len(sides) != 2:  # noqa: PLR2004 - left and right
            return nothing
        left, right = (self.flatten(_unrelabelled(part)) for part in sides)
        operators = self.catalog.commuting(condition.number("opno"))
        if left.number("varno") != number:
            left, right, operators = right, left, (operators[1], operators[0])
        collations = {condition.number("inputcollid")}
        for part in (left, right):
            if part.kind != "VAR" or part.number("varlevelsup") or part.number("varattno") <= 0:
                return nothing
            collations.add(part.number("varcollid"))
        other = right.number("varno")
        if left.number("varno") != number or other == number or len(collations) > 1:
            return nothing
        if self.relation(other).number("rtekind") != RTEKind.RELATION:
            return nothing
        return other, right.number("varattno"), left.number("varattno"), operators

    def _has_value(self, join: Node, number: int, column: int) -> bool:
        """Say whether a column of a relation below a join always has a value there."""
        if key_of_column(number, column) in self.facts:
            return True
        above = self.nulling_joins(join.number("rtindex")) | {join.number("rtindex")}
        relation = self.catalog.relation(self.relation(number).number("relid"))
        is_kept = self.nulling_joins(number) <= above
        return is_kept and relation.is_table and relation.attributes[column].proven

    def _always_joins(self, join: Node) -> bool:
        """Say whether it is a `left join (...) on true` with a query that always has a row."""
        quals, right = join.child("quals"), join.needed("rarg")
        if self.join_types[join.number("rtindex")] != JoinType.LEFT or right.kind != "RANGETBLREF":
            return False
        always = quals is None or (quals.kind == "CONST" and quals.datum()[:1] == b"\x01")
        source = self.source(right.number("rtindex")) if always else None
        return source is not None and source.has_certain_row()


def reads_only_in(tree: Node) -> bool:
    """Say whether a query changes and locks nothing, and no query in it does."""
    return not any(
        node.kind == "QUERY"
        and (node.number("commandType") != CmdType.SELECT or node.children("rowMarks"))
        for node in tree.walk()
    )


def _unrelabelled(expression: Node) -> Node:
    while expression.kind == "RELABELTYPE":
        expression = expression.needed("arg")
    return expression


def _is_presence(fact: Key) -> bool:
    """Say whether a fact shows that a relation of this very query is not left out."""
    return (fact[0] == "VAR" and fact[3:] == (0, 0)) or (
        fact[0] == "RELATION" and fact[2:] == (0, 0)
    )


def _reduced(kind: JoinType, *, has_left: bool, has_right: bool) -> JoinType:
    """Return the kind of a join in whose rows the left side, or the right one, is never missing."""
    match kind, has_left, has_right:
        case (JoinType.LEFT, _, True) | (JoinType.RIGHT, True, _) | (JoinType.FULL, True, True):
            return JoinType.INNER
        case JoinType.FULL, True, False:
            return JoinType.LEFT
        case JoinType.FULL, False, True:
            return JoinType.RIGHT
        case _:
            return kind


def limit_of(query: Node) -> int | None:
    """Return the number of a `limit` clause, None if there is none or it is no constant."""
    limit = query.child("limitCount")
    if limit is not None and limit.kind == "FUNCEXPR" and limit.number("funcid") in INT8_CASTS:
        limit = limit.children("args")[0]
    if limit is None or limit.kind != "CONST" or limit.flag("constisnull"):
        return None
    if limit.number("consttype") not in _INTEGERS:
        return None
    return int.from_bytes(limit.datum()[:8], "little")


def _lets_a_row_pass(query: Node) -> bool:
    """Say whether there is no `limit` that may be 0; `limit all` is a null, and is none."""
    limit = query.child("limitCount")
    is_null = limit is not None and limit.kind == "CONST" and limit.flag("constisnull")
    return limit is None or is_null or bool(limit_of(query))


def _keys_in_every_set(item: Node) -> frozenset[int]:
    """Return the keys that all grouping sets of one item of `group by` have."""
    match item.number("kind"):
        case GroupingSetKind.SIMPLE:
            return frozenset(item.numbers("content"))
        case GroupingSetKind.SETS:
            first, *others = map(_keys_in_every_set, item.children("content"))
            return first.intersection(*others)
        case _:
            return frozenset()


def _may_be_empty(item: Node) -> bool:
    match item.number("kind"):
        case GroupingSetKind.SIMPLE:
            return False
        case GroupingSetKind.SETS:
            return any(map(_may_be_empty, item.children("content")))
        case _:
            return True


def joins_in(tree: Node | None) -> list[Node]:
    """Return the joins of a join tree, those further in first."""
    if tree is None or tree.kind == "RANGETBLREF":
        return []
    if tree.kind == "FROMEXPR":
        return [join for member in tree.children("fromlist") for join in joins_in(member)]
    return [*joins_in(tree.needed("larg")), *joins_in(tree.needed("rarg")), tree]


def relations_in(tree: Node) -> frozenset[int]:
    """Return the numbers of the relations of a join tree."""
    if tree.kind == "RANGETBLREF":
        return frozenset({tree.number("rtindex")})
    if tree.kind == "FROMEXPR":
        return frozenset[int]().union(*map(relations_in, tree.children("fromlist")))
    return relations_in(tree.needed("larg")) | relations_in(tree.needed("rarg"))


def key_of_column(number: int, attribute: int) -> Key:
    """Return the key of a column of a relation, or of the whole row if the attribute is 0."""
    return ("VAR", number, attribute, 0, 0)


def _key_of_presence(var: Node) -> Key:
    """Return the key of the fact that no join leaves the relation of a column out."""
    return ("RELATION", *map(var.number, ("varno", "varlevelsup", "varreturningtype")))


def key_of(value: Value, scope: Scope | None) -> Key:
    """Return a key that two expressions share only if they have the same value in a row."""
    if isinstance(value, Node):
        if value.kind == "QUERY":
            # its relations have numbers of their own, which this scope does not know
            scope = None
        if value.kind == "VAR":
            flat = scope.flatten(value) if scope else value
            if flat.kind != "VAR":
                return key_of(flat, scope)
            numbers = ("varno", "varattno", "varlevelsup", "varreturningtype")
            return ("VAR", *map(flat.number, numbers))
        fields = sorted(value.fields.keys() - _SPELLING)
        return (value.kind, *((name, key_of(value.fields[name], scope)) for name in fields))
    if isinstance(value, list):
        return tuple(key_of(item, scope) for item in value)
    return (value,)


def conjuncts(condition: Node | None) -> list[Node]:
    """Return the parts of a condition that `and` combines."""
    if condition is None:
        return []
    if condition.kind == "BOOLEXPR" and condition.word("boolop") == "and":
        return [part for argument in condition.children("args") for part in conjuncts(argument)]
    return [condition]


def is_repeatable(expression: Node, scope: Scope) -> bool:
    """Say whether an expression has the same value each time it is evaluated in a row."""
    for node in expression.walk():
        if node.kind in {"SUBLINK", "NEXTVALUEEXPR", "SETTODEFAULT"}:
            return False
        if any(scope.catalog.function(oid).volatile for oid in node.functions()):
            return False
    return True


def facts_if_true(expression: Node | None, scope: Scope) -> Facts:
    """Return what has a value in every row in which a condition is true."""
    if expression is None:
        return NO_FACTS
    facts = facts_if_present(expression, scope)
    match expression.kind:
        case "BOOLEXPR":
            parts = expression.children("args")
            match expression.word("boolop"):
                case "and":
                    facts |= NO_FACTS.union(*(facts_if_true(part, scope) for part in parts))
                case "or":
                    facts |= _common([facts_if_true(part, scope) for part in parts])
                case _:
                    facts |= facts_if_false(parts[0], scope)
        case "NULLTEST" if expression.number("nulltesttype") == NullTestType.IS_NOT_NULL:
            facts |= facts_if_present(expression.needed("arg"), scope)
        case "BOOLEANTEST":
            facts |= _boolean_test(expression, scope, holds=True)
        case "SCALARARRAYOPEXPR" if expression.flag("useOr"):
            facts |= _facts_of_left(expression, scope)
        case "SUBLINK" if expression.number("subLinkType") == SubLinkType.ANY:
            test = expression.child("testexpr")
            if test is not None and test.kind == "OPEXPR":
                facts |= _facts_of_call(test, scope)
        case _:
            pass
    return facts


def facts_if_false(expression: Node, scope: Scope) -> Facts:
    """Return what has a value in every row in which a condition is false, which is not unknown."""
    facts = facts_if_present(expression, scope)
    match expression.kind:
        case "BOOLEXPR":
            parts = expression.children("args")
            match expression.word("boolop"):
                case "and":
                    facts |= _common([facts_if_false(part, scope) for part in parts])
                case "or":
                    facts |= NO_FACTS.union(*(facts_if_false(part, scope) for part in parts))
                case _:
                    facts |= facts_if_true(parts[0], scope)
        case "NULLTEST" if expression.number("nulltesttype") == NullTestType.IS_NULL:
            facts |= facts_if_present(expression.needed("arg"), scope)
        case "BOOLEANTEST":
            facts |= _boolean_test(expression, scope, holds=False)
        case "SCALARARRAYOPEXPR" if not expression.flag("useOr"):
            facts |= _facts_of_left(expression, scope)
        case "DISTINCTEXPR":
            left, right = expression.children("args")
            for side, other in ((left, right), (right, left)):
                if other.kind == "CONST" and not other.flag("constisnull"):
                    facts |= facts_if_present(side, scope)
        case _:
            pass
    return facts


def facts_if_present(expression: Node, scope: Scope) -> Facts:
    """Return what has a value in every row in which an expression has one."""
    if expression.kind == "VAR":
        flat = scope.flatten(expression)
        if flat.kind != "VAR":
            return facts_if_present(flat, scope)
        return frozenset({key_of(flat, scope), _key_of_presence(flat)})
    facts = _facts_of_parts(expression, scope)
    if is_repeatable(expression, scope):
        return facts | {key_of(expression, scope)}
    return facts


def _facts_of_parts(expression: Node, scope: Scope) -> Facts:  # noqa: PLR0911 - a rule a return
    """Return what has a value, of the parts of an expression, where it has one itself."""
    if expression.kind in _NULL_OF_NULL:
        return facts_if_present(expression.needed("arg"), scope)
    arguments = expression.children("args")
    match expression.kind:
        case "OPEXPR" | "FUNCEXPR":
            return _facts_of_call(expression, scope)
        case "NULLIFEXPR":
            return facts_if_present(arguments[0], scope)
        case "SCALARARRAYOPEXPR":
            elements = arguments[1]
            if elements.children("elements") and not elements.flag("multidims"):
                return _facts_of_left(expression, scope)
        case "BOOLEXPR" | "COALESCEEXPR" | "MINMAXEXPR":
            # one of the arguments has a value
            return _common([facts_if_present(argument, scope) for argument in arguments])
        case "CASEEXPR":
            return _facts_of_case(expression, scope)
        case _:
            pass
    return NO_FACTS


def _facts_of_case(case: Node, scope: Scope) -> Facts:
    """Return what has a value where one of the branches that give a value is taken."""
    branches: list[Facts] = []
    for branch in case.children("args"):
        result = branch.needed("result")
        if not result.flag("constisnull"):
            condition = facts_of_branch(case, branch, scope)
            branches.append(condition | facts_if_present(result, scope))
    default = case.child("defresult")
    if default is not None and not default.flag("constisnull"):
        branches.append(facts_if_present(default, scope))
    return _common(branches) if branches else NO_FACTS


def facts_of_branch(case: Node, branch: Node, scope: Scope) -> Facts:
    """Return what has a value where a branch of a `case` is taken."""
    condition, tested = branch.needed("expr"), case.child("arg")
    if tested is None:
        return facts_if_true(condition, scope)
    # `case value when value`: the branch is taken where the two are equal
    sides = condition.children("args")
    is_strict = condition.kind == "OPEXPR" and (
        scope.catalog.function(condition.number("opfuncid")).strict
    )
    if not is_strict or not any(side.kind == "CASETESTEXPR" for side in sides):
        return NO_FACTS
    present = (tested if side.kind == "CASETESTEXPR" else side for side in sides)
    return NO_FACTS.union(*(facts_if_present(side, scope) for side in present))


def _facts_of_call(call: Node, scope: Scope) -> Facts:
    """Return what has a value where a call is made: a strict one is not made for a null."""
    function = scope.catalog.function(call.number("opfuncid") or call.number("funcid"))
    if not function.strict or function.returns_set:
        return NO_FACTS
    return NO_FACTS.union(
        *(facts_if_present(argument, scope) for argument in call.children("args"))
    )


def _facts_of_left(expression: Node, scope: Scope) -> Facts:
    if not scope.catalog.function(expression.number("opfuncid")).strict:
        return NO_FACTS
    return facts_if_present(expression.children("args")[0], scope)


def _boolean_test(expression: Node, scope: Scope, *, holds: bool) -> Facts:
    argument = expression.needed("arg")
    is_certain = argument.kind in _NEVER_UNKNOWN
    match expression.number("booltesttype"), holds:
        case (BoolTestType.IS_NOT_TRUE, True) | (BoolTestType.IS_TRUE, False) if is_certain:
            return facts_if_false(argument, scope)
        case (BoolTestType.IS_NOT_FALSE, True) | (BoolTestType.IS_FALSE, False) if is_certain:
            return facts_if_true(argument, scope)
        case (BoolTestType.IS_TRUE, True) | (BoolTestType.IS_NOT_TRUE, False):
            return facts_if_true(argument, scope)
        case (BoolTestType.IS_FALSE, True) | (BoolTestType.IS_NOT_FALSE, False):
            return facts_if_false(argument, scope)
        case (BoolTestType.IS_NOT_UNKNOWN, True) | (BoolTestType.IS_UNKNOWN, False):
            return facts_if_present(argument, scope)
        case _:
            return NO_FACTS


def _common(alternatives: list[Facts]) -> Facts:
    """Return the facts that are true in every alternative."""
    first, *others = alternatives
    return first.intersection(*others)
