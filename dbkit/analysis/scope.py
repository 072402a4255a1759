"""One query of a statement: its relations, which joins may leave them out, and what must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.nodes import Node, Value
from dbkit.analysis.oids import INT2OID, INT4OID, INT8OID
from dbkit.analysis.vocabulary import (
    BoolTestType,
    CmdType,
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

NOTHING: Facts = frozenset()
# how an expression was written, not what it is
_SPELLING = frozenset(
    {
        "location", "varnosyn", "varattnosyn", "varnullingrels", "resname", "funcformat",
        "relabelformat", "coerceformat", "row_format", "list_start", "list_end",
    }
)  # fmt: skip
_NULL_OF_NULL = frozenset(
    {
        "RELABELTYPE", "COERCEVIAIO", "ARRAYCOERCEEXPR", "COLLATEEXPR", "CONVERTROWTYPEEXPR",
        "COERCETODOMAIN", "FIELDSELECT", "NAMEDARGEXPR",
    }
)  # fmt: skip
_INTEGERS = frozenset({INT2OID, INT4OID, INT8OID})


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for a whole statement, or for a view within it."""

    catalog: Catalog
    nullable_parameters: frozenset[int] = frozenset()
    # the rows were stored by an earlier form of the tables: what they forbid now proves nothing
    stale: bool = False
    # doubts assumed of the columns of a recursive query while they are being proven
    assumed: Mapping[int, list[str]] = field(default_factory=dict[int, list[str]])
    # each view is looked into once, however many lie between
    views: "dict[tuple[int, bool], Scope]" = field(
        default_factory=lambda: dict[tuple[int, bool], Scope]()  # noqa: PLW0108 - not there yet
    )


@dataclass(slots=True)
class _Walk:
    """What one walk over the join tree finds."""

    nulling: dict[int, frozenset[int]] = field(default_factory=dict[int, frozenset[int]])
    conditions: list[Node] = field(default_factory=list[Node])


class Scope:
    """A query with the queries around it."""

    def __init__(
        self,
        setting: Setting,
        query: Node,
        parent: "Scope | None" = None,
        given: Facts = NOTHING,
    ) -> None:
        self.setting = setting
        self.query = query
        self.parent = parent
        self.relations = query.children("rtable")
        self.command = query.number("commandType")
        self.target = query.number("resultRelation")
        self.grouping_sets = "groupingSets" in query
        # the type of each join, as far as the conditions leave it an outer one
        self.joins = {
            join.number("rtindex"): JoinType(join.number("jointype"))
            for join in joins(query.child("jointree"))
        }
        self.doubts: dict[int, str] = {}
        self.recursive_doubts: dict[int, list[str]] = {}
        self._inner: dict[int, Scope] = {}
        self._given = given
        self._walk = _Walk()
        self.facts = NOTHING
        self._settle()

    @property
    def catalog(self) -> Catalog:
        """The catalog of this connection."""
        return self.setting.catalog

    @property
    def conditions(self) -> list[Node]:
        """The conditions that are true of every row."""
        return self._walk.conditions

    @property
    def source_may_be_missing(self) -> bool:
        """Whether a merge also returns rows that no row of its source matched."""
        return self.command == CmdType.MERGE and any(
            action.number("matchKind") == MergeMatchKind.NOT_MATCHED_BY_SOURCE
            and "matchKind" in action
            for action in self.query.children("mergeActionList")
        )

    @property
    def targets(self) -> list[Node]:
        """The columns that come back."""
        listed = "targetList" if self.command == CmdType.SELECT else "returningList"
        return [one for one in self.query.children(listed) if not one.flag("resjunk")]

    def relation(self, number: int) -> Node:
        """Return the entry of the range table that a Var means."""
        return self.relations[number - 1]

    def name(self, number: int) -> str:
        """Return what a relation is called in the query."""
        return self.relation(number).needed("eref").word("aliasname")

    def outer(self, levels: int) -> "Scope":
        """Return the query so many levels around this one."""
        scope = self
        for _ in range(levels):
            if scope.parent is None:
                raise KeyError(levels)
            scope = scope.parent
        return scope

    def given(self, facts: Facts) -> "Scope":
        """Return this query for the rows in which, besides, these have a value."""
        if facts <= self._given | self.facts:
            return self
        return Scope(self.setting, self.query, self.parent, self._given | facts)

    def inner(self, query: Node) -> "Scope":
        """Return a query within this one."""
        if id(query) not in self._inner:
            self._inner[id(query)] = Scope(self.setting, query, self)
        return self._inner[id(query)]

    def cte(self, number: int) -> "tuple[Scope, Node]":
        """Return a `with` query and the query it belongs to."""
        relation = self.relation(number)
        owner = self.outer(relation.number("ctelevelsup"))
        name = relation.word("ctename")
        [found] = [one for one in owner.query.children("cteList") if one.word("ctename") == name]
        return owner, found

    def source(self, number: int) -> "Scope | None":
        """Return the query whose columns a relation has: a subselect, `with` query or view."""
        relation = self.relation(number)
        match relation.number("rtekind"):
            case RTEKind.SUBQUERY:
                return self.inner(relation.needed("subquery"))
            case RTEKind.CTE:
                owner, found = self.cte(number)
                return None if found.flag("cterecursive") else owner.inner(found.needed("ctequery"))
            case RTEKind.RELATION if relation.word("relkind") in {RelKind.VIEW, RelKind.MATVIEW}:
                return self._view(relation)
            case _:
                return None

    def flatten(self, var: Node) -> Node:
        """Return what a column of a join, or a key of `group by`, stands for."""
        found = var
        while found.kind == "VAR" and not found.number("varlevelsup"):
            relation = self.relation(found.number("varno"))
            attribute = found.number("varattno")
            kind = relation.number("rtekind")
            if kind == RTEKind.JOIN and attribute > 0:
                below = relation.children("joinaliasvars")[attribute - 1]
                if below.kind == "COALESCEEXPR":
                    break
            elif kind == RTEKind.GROUP and not self.grouping_sets:
                below = relation.children("groupexprs")[attribute - 1]
            else:
                break
            found = below
        return found

    def nulling(self, number: int) -> frozenset[int]:
        """Return the joins that may leave a relation out."""
        return self._walk.nulling.get(number, frozenset())

    def certain_row(self) -> bool:  # noqa: PLR0911 - a rule a return
        """Say whether a row comes back whatever is stored."""
        query = self.query
        if "limitOffset" in query or ("limitCount" in query and not limit_of(query)):
            return False
        if query.flag("hasTargetSRFs"):
            return False
        if self.command == CmdType.INSERT:
            return self._certain_insert()
        if self.command != CmdType.SELECT:
            return False
        operation = query.child("setOperations")
        if operation is not None:
            return self._certain_arm(operation)
        if "groupClause" in query or self.grouping_sets:
            return False
        if "havingQual" in query:
            return False
        tree = query.needed("jointree")
        if query.flag("hasAggs"):
            return True
        return "quals" not in tree and all(
            self._certain_from(one) for one in tree.children("fromlist")
        )

    def _certain_arm(self, operation: Node) -> bool:
        if operation.kind == "RANGETBLREF":
            source = self.source(operation.number("rtindex"))
            return source is not None and source.certain_row()
        arms = [operation.needed("larg"), operation.needed("rarg")]
        return operation.number("op") == SetOperation.UNION and any(map(self._certain_arm, arms))

    def _certain_insert(self) -> bool:
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
        return all(self._certain_from(one) for one in tree.children("fromlist"))

    def _certain_from(self, tree: Node) -> bool:
        if tree.kind != "RANGETBLREF":
            return False
        number = tree.number("rtindex")
        relation = self.relation(number)
        if relation.number("rtekind") == RTEKind.VALUES:
            return True
        if relation.number("rtekind") == RTEKind.FUNCTION:
            # one that gives no set gives one row, of nulls if it comes to that
            calls = [one.needed("funcexpr") for one in relation.children("functions")]
            return any(not one.flag("funcretset") for one in calls)
        source = self.source(number)
        return source is not None and source.certain_row()

    def _view(self, relation: Node) -> "Scope | None":
        oid = relation.number("relid")
        query = self.catalog.view(oid)
        if query is None:
            return None
        stale = self.setting.stale or relation.word("relkind") == RelKind.MATVIEW
        views = self.setting.views
        if (oid, stale) not in views:
            setting = replace(
                self.setting, nullable_parameters=frozenset(), stale=stale, assumed={}
            )
            views[oid, stale] = Scope(setting, query)
        return views[oid, stale]

    def _settle(self) -> None:
        """Learn from the conditions, make outer joins inner ones, and learn again."""
        tree = self.query.child("jointree")
        while True:
            self._walk = _Walk()
            if tree is not None and self.command != CmdType.MERGE:
                self._visit(tree, frozenset(), holds=True)
            elif tree is not None:
                self._visit(tree, frozenset(), holds=False)
            learned = (truths(one, self) for one in self._walk.conditions)
            self.facts = self._given.union(*learned)
            if tree is None or not self._reduce(tree):
                break
        if self.command in {CmdType.UPDATE, CmdType.INSERT, CmdType.MERGE}:
            # what comes back is the new row; the conditions spoke of the old one
            self.facts = self._given | {
                fact for fact in self.facts if fact[0] == "VAR" and fact[1] != self.target
            }

    def _visit(self, tree: Node, nulling: frozenset[int], *, holds: bool) -> frozenset[int]:
        if tree.kind == "RANGETBLREF":
            number = tree.number("rtindex")
            self._walk.nulling[number] = nulling
            return frozenset({number})
        quals = tree.child("quals")
        if tree.kind == "FROMEXPR":
            found = [self._visit(one, nulling, holds=holds) for one in tree.children("fromlist")]
            self._walk.conditions += conjuncts(quals) if holds else []
            return frozenset[int]().union(*found)
        number = tree.number("rtindex")
        kind = self.joins[number]
        here = nulling | {number}
        left = here if kind in {JoinType.FULL, JoinType.RIGHT} else nulling
        may_miss = kind in {JoinType.FULL, JoinType.LEFT} and not self._always_joins(tree)
        right = here if may_miss else nulling
        found_left = self._visit(tree.needed("larg"), left, holds=holds and left is nulling)
        found_right = self._visit(tree.needed("rarg"), right, holds=holds and right is nulling)
        self._walk.nulling[number] = nulling
        if kind == JoinType.INNER and holds:
            self._walk.conditions += conjuncts(quals)
        return found_left | found_right

    def _reduce(self, tree: Node) -> bool:
        """Make a join an inner one on the sides that are known to be there."""
        there = {fact[1] for fact in self.facts if fact[0] == "VAR" and fact[3:] == (0, 0)}
        changed = False
        for join in joins(tree):
            number = join.number("rtindex")
            kind = self.joins[number]
            left = bool(there & members(join.needed("larg")))
            right = bool(there & members(join.needed("rarg")))
            reduced = _reduced(kind, is_left_there=left, is_right_there=right)
            changed |= reduced != kind
            self.joins[number] = reduced
        return changed

    def _always_joins(self, join: Node) -> bool:
        """Say whether `left join lateral (one certain row) on true` leaves nothing out."""
        quals, right = join.child("quals"), join.needed("rarg")
        if self.joins[join.number("rtindex")] != JoinType.LEFT or right.kind != "RANGETBLREF":
            return False
        always = quals is None or (quals.kind == "CONST" and quals.datum()[:1] == b"\x01")
        source = self.source(right.number("rtindex")) if always else None
        return source is not None and source.certain_row()


def _reduced(kind: JoinType, *, is_left_there: bool, is_right_there: bool) -> JoinType:
    """Return what a join is where one of its sides, or both, are known to be there."""
    match kind, is_left_there, is_right_there:
        case (JoinType.LEFT, _, True) | (JoinType.RIGHT, True, _) | (JoinType.FULL, True, True):
            return JoinType.INNER
        case JoinType.FULL, True, False:
            return JoinType.LEFT
        case JoinType.FULL, False, True:
            return JoinType.RIGHT
        case _:
            return kind


def limit_of(query: Node) -> int | None:
    """Return the constant that `limit` sets, None where there is none or it is no constant."""
    limit = query.child("limitCount")
    # the parser casts an integer to bigint by a call
    if limit is not None and limit.kind == "FUNCEXPR" and len(limit.children("args")) == 1:
        limit = limit.children("args")[0]
    if limit is None or limit.kind != "CONST" or limit.flag("constisnull"):
        return None
    if limit.number("consttype") not in _INTEGERS:
        return None
    return int.from_bytes(limit.datum()[:8], "little")


def joins(tree: Node | None) -> list[Node]:
    """Return the joins of a tree, inner ones first."""
    if tree is None or tree.kind == "RANGETBLREF":
        return []
    if tree.kind == "FROMEXPR":
        return [join for one in tree.children("fromlist") for join in joins(one)]
    return [*joins(tree.needed("larg")), *joins(tree.needed("rarg")), tree]


def members(tree: Node) -> frozenset[int]:
    """Return the relations of a tree."""
    if tree.kind == "RANGETBLREF":
        return frozenset({tree.number("rtindex")})
    if tree.kind == "FROMEXPR":
        return frozenset[int]().union(*map(members, tree.children("fromlist")))
    return members(tree.needed("larg")) | members(tree.needed("rarg"))


def variable(number: int, attribute: int) -> Key:
    """Return the key of a column of this query, or with 0 of a whole row."""
    return ("VAR", number, attribute, 0, 0)


def key_of(value: Value, scope: Scope | None) -> Key:
    """Return what is equal for two expressions that have the same value in one row."""
    if isinstance(value, Node):
        if value.kind == "QUERY":
            # the numbers of its columns are its own, and mean nothing out here
            scope = None
        if value.kind == "VAR":
            found = scope.flatten(value) if scope else value
            if found.kind != "VAR":
                return key_of(found, scope)
            numbers = ("varno", "varattno", "varlevelsup", "varreturningtype")
            return ("VAR", *map(found.number, numbers))
        fields = sorted(value.fields.keys() - _SPELLING)
        return (value.kind, *((name, key_of(value.fields[name], scope)) for name in fields))
    if isinstance(value, list):
        return tuple(key_of(one, scope) for one in value)
    return (value,)


def conjuncts(condition: Node | None) -> list[Node]:
    """Return the parts of a condition that all have to be true."""
    if condition is None:
        return []
    if condition.kind == "BOOLEXPR" and condition.word("boolop") == "and":
        return [part for one in condition.children("args") for part in conjuncts(one)]
    return [condition]


def is_repeatable(expression: Node, scope: Scope) -> bool:
    """Say whether two evaluations in one row must give the same value."""
    for node in expression.walk():
        if node.kind in {"SUBLINK", "NEXTVALUEEXPR", "SETTODEFAULT"}:
            return False
        if any(scope.catalog.function(oid).volatile for oid in node.functions()):
            return False
    return True


def truths(expression: Node | None, scope: Scope) -> Facts:
    """Return what has a value where the expression is true."""
    if expression is None:
        return NOTHING
    found = present(expression, scope)
    match expression.kind:
        case "BOOLEXPR":
            parts = expression.children("args")
            match expression.word("boolop"):
                case "and":
                    found |= NOTHING.union(*(truths(one, scope) for one in parts))
                case "or":
                    found |= _common([truths(one, scope) for one in parts])
                case _:
                    found |= falses(parts[0], scope)
        case "NULLTEST" if expression.number("nulltesttype") == NullTestType.IS_NOT_NULL:
            found |= present(expression.needed("arg"), scope)
        case "BOOLEANTEST":
            found |= _boolean_test(expression, scope, holds=True)
        case "SCALARARRAYOPEXPR" if expression.flag("useOr"):
            found |= _compared(expression, scope)
        case "SUBLINK" if expression.number("subLinkType") == SubLinkType.ANY:
            test = expression.child("testexpr")
            if test is not None and test.kind == "OPEXPR":
                found |= _arguments(test, scope)
        case _:
            pass
    return found


def falses(expression: Node, scope: Scope) -> Facts:
    """Return what has a value where the expression is false, not merely unknown."""
    found = present(expression, scope)
    match expression.kind:
        case "BOOLEXPR":
            parts = expression.children("args")
            match expression.word("boolop"):
                case "and":
                    found |= _common([falses(one, scope) for one in parts])
                case "or":
                    found |= NOTHING.union(*(falses(one, scope) for one in parts))
                case _:
                    found |= truths(parts[0], scope)
        case "NULLTEST" if expression.number("nulltesttype") == NullTestType.IS_NULL:
            found |= present(expression.needed("arg"), scope)
        case "BOOLEANTEST":
            found |= _boolean_test(expression, scope, holds=False)
        case "SCALARARRAYOPEXPR" if not expression.flag("useOr"):
            found |= _compared(expression, scope)
        case "DISTINCTEXPR":
            left, right = expression.children("args")
            for one, other in ((left, right), (right, left)):
                if other.kind == "CONST" and not other.flag("constisnull"):
                    found |= present(one, scope)
        case _:
            pass
    return found


def present(expression: Node, scope: Scope) -> Facts:
    """Return what has a value where the expression itself has one."""
    if expression.kind == "VAR":
        flat = scope.flatten(expression)
        if flat.kind != "VAR":
            return present(flat, scope)
        return frozenset({key_of(flat, scope)})
    below = NOTHING
    if expression.kind in _NULL_OF_NULL:
        below = present(expression.needed("arg"), scope)
    elif expression.kind in {"OPEXPR", "FUNCEXPR"}:
        below = _arguments(expression, scope)
    elif expression.kind == "NULLIFEXPR":
        below = present(expression.children("args")[0], scope)
    elif expression.kind == "SCALARARRAYOPEXPR":
        elements = expression.children("args")[1]
        if elements.children("elements") and not elements.flag("multidims"):
            below = _compared(expression, scope)
    elif expression.kind == "BOOLEXPR":
        below = _common([present(one, scope) for one in expression.children("args")])
    if is_repeatable(expression, scope):
        return below | {key_of(expression, scope)}
    return below


def _arguments(call: Node, scope: Scope) -> Facts:
    """Return the arguments of a strict call, for it is not even made when one is null."""
    function = scope.catalog.function(call.number("opfuncid") or call.number("funcid"))
    if not function.strict or function.returns_set:
        return NOTHING
    return NOTHING.union(*(present(one, scope) for one in call.children("args")))


def _compared(expression: Node, scope: Scope) -> Facts:
    if not scope.catalog.function(expression.number("opfuncid")).strict:
        return NOTHING
    return present(expression.children("args")[0], scope)


def _boolean_test(expression: Node, scope: Scope, *, holds: bool) -> Facts:
    argument = expression.needed("arg")
    match expression.number("booltesttype"), holds:
        case (BoolTestType.IS_TRUE, True) | (BoolTestType.IS_NOT_TRUE, False):
            return truths(argument, scope)
        case (BoolTestType.IS_FALSE, True) | (BoolTestType.IS_NOT_FALSE, False):
            return falses(argument, scope)
        case (BoolTestType.IS_NOT_UNKNOWN, True) | (BoolTestType.IS_UNKNOWN, False):
            return present(argument, scope)
        case _:
            return NOTHING


def _common(found: list[Facts]) -> Facts:
    first, *others = found
    return first.intersection(*others)
