"""Follow the tenant through a query: which values must be it, which rows must be its own."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from dbkit.analysis import (
    FIRST_NORMAL_OBJECT_ID,
    LENGTH_COERCIONS,
    CmdType,
    CoercionForm,
    Node,
    NullTestType,
    OnConflictAction,
    ParamKind,
    Proof,
    RelKind,
    RTEKind,
    Scope,
    SetOperation,
    SubLinkType,
    conjuncts,
)
from dbkit.tenancy.ownership import Owned, Ownership, Reference
from dbkit.tenancy.restrictions import (
    action_conditions,
    actions,
    exposed_columns,
    implies_its_conditions,
    own_nodes,
    restrictions,
)
from dbkit.tenancy.tags import (
    NO_TAGS,
    TENANT,
    TENANT_OR_NOBODY,
    Tag,
    Tags,
    common,
    of_any_row,
    reached,
    status,
)

_TYPES = {
    "VAR": "vartype",
    "PARAM": "paramtype",
    "RELABELTYPE": "resulttype",
    "COERCETODOMAIN": "resulttype",
}


class Crossing(NamedTuple):
    """Why a statement may cross from one tenant to another."""

    # "relation", "write", "function" or "unknown"
    kind: str
    # the table or function, as the statement calls it
    name: str
    # one sentence, begun with the name
    message: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a whole statement."""

    ownership: Ownership
    # the numbers of the parameter that is the tenant
    parameters: frozenset[int]
    serials: Iterator[int] = field(default_factory=count)


class Binding:
    """A query with what follows for its columns and rows; it only ever learns more."""

    def __init__(
        self,
        asked: Asked,
        scope: Scope,
        outer: "Binding | None" = None,
        *,
        is_recursive: bool = False,
        assumed: Mapping[int, Tags] | None = None,
    ) -> None:
        self.asked = asked
        self.scope = scope
        self.restrictions = restrictions(scope)
        # whether a row of a relation may be everybody's, for those whose rows are the tenant's
        self.owned: dict[int, bool] = {}
        self.sources: dict[int, Binding] = {}
        # with queries that are run once, however often they are read
        self.shared: dict[str, Binding] = {}
        self.sublinks: dict[int, Binding] = {}
        self._outer = outer
        self._serial = next(asked.serials)
        self._bound: defaultdict[tuple[int, int], set[Tag]] = defaultdict(set)
        self._given: defaultdict[int, set[Tag]] = defaultdict(set)
        self._exposed = exposed_columns(scope)
        # what a recursive query gives, or in a trial is taken to give
        self._is_recursive = is_recursive
        self._is_trial = assumed is not None
        self._assumed: Mapping[int, Tags] = assumed or {}
        self._look_within()

    @property
    def is_run_once(self) -> bool:
        """Whether it is one query for all that read it, so that none of them restricts it."""
        return self._is_recursive or self.scope.command != CmdType.SELECT

    @property
    def is_outermost(self) -> bool:
        """Whether it is the statement itself, or a view."""
        return self._outer is None

    @property
    def inner(self) -> "list[Binding]":
        """The queries directly within this one, and the views it reads."""
        own = (one for one in self.sources.values() if not one.is_run_once)
        return [*self.shared.values(), *own, *self.sublinks.values()]

    def settle(self) -> None:
        """Learn until there is nothing more to learn."""
        while self.step():
            pass

    def step(self) -> bool:
        """Learn from what is known by now, and say whether that was more than before."""
        before = self._known()
        changed = False
        for (number, column), tags in list(self._bound.items()):
            if number in self.sources:
                changed |= self.sources[number].give(column, tags)
        for one in self.inner:
            changed |= one.step()
        if self._is_recursive and not self._is_trial:
            self._assumed = self._proven()
        for number, conditions in self.restrictions.conditions.items():
            for column, found in conclude(self, conditions, number).items():
                self._bound[number, column] |= found
        for place, tags in self._given.items():
            for number in self.restrictions.exposed:
                column = self.column(self.scope.targets[place - 1].needed("expr"), number)
                if column:
                    self._bound[number, column] |= tags
        self._own()
        return changed or self._known() != before

    def give(self, place: int, tags: Iterable[Tag]) -> bool:
        """Take it that a condition outside restricts a column of the result."""
        refused = self.is_run_once or place not in self._exposed
        if refused or self._given[place].issuperset(tags):
            return False
        if "setOperations" in self.scope.query:
            for arm in self.restrictions.exposed & self.sources.keys():
                self.sources[arm].give(place, tags)
        self._given[place].update(tags)
        return True

    def columns(self, number: int) -> dict[int, Tags]:
        """Return what is known of the columns of a table, by its conditions."""
        return {
            column: frozenset(tags)
            for (relation, column), tags in self._bound.items()
            if relation == number
        }

    def table(self, number: int) -> Owned | None:
        """Return what makes a relation a tenant's, where it is a table that can be one's."""
        relation = self.scope.relation(number)
        if relation.number("rtekind") != RTEKind.RELATION:
            return None
        return self.asked.ownership.of(relation.number("relid"))

    def value(self, number: int, column: int) -> Tags:
        """Return what a column's value is."""
        if column <= 0:
            return NO_TAGS
        found = self._read(number, column)
        if (number, column) not in self._assigned():
            bound = self._bound.get((number, column), NO_TAGS)
            found |= {TENANT if one == TENANT_OR_NOBODY else one for one in bound}
        if number not in self.owned:
            return found
        relation = self.scope.relation(number).number("relid")
        owned = self.asked.ownership.of(relation)
        if owned and owned.column == column:
            found |= {TENANT}
        if self.asked.ownership.is_plain(relation):
            row = (self._serial, number)
            found |= {Tag(relation, column, row, self.owned[number])}
        return found

    def output(self, place: int) -> Tags:
        """Return what a column of the result is."""
        if self._is_recursive:
            return self._assumed.get(place, NO_TAGS)
        operation = self.scope.query.child("setOperations")
        if operation is not None:
            return self._arms(operation, place)
        targets = self.scope.targets
        return self.tags(targets[place - 1].needed("expr")) if place <= len(targets) else NO_TAGS

    def tags(self, expression: Node) -> Tags:
        """Return what the value of an expression is."""
        found = self.plain(expression)
        if found.kind == "VAR":
            levels = found.number("varlevelsup")
            if not levels:
                return self.value(found.number("varno"), found.number("varattno"))
            outer = self._around(levels)
            return outer.tags(lifted(found, levels)) if outer else NO_TAGS
        if found.kind == "PARAM" and found.number("paramkind") == ParamKind.EXTERN:
            is_tenant = found.number("paramid") in self.asked.parameters
            return frozenset({TENANT}) if is_tenant else NO_TAGS
        if found.kind == "SUBLINK" and found.number("subLinkType") == SubLinkType.EXPR:
            return self.within(found).output(1)
        is_limited = found.kind == "FUNCEXPR" and found.number("funcid") in LENGTH_COERCIONS
        if is_limited and found.number("funcformat") == CoercionForm.IMPLICIT_CAST:
            return self.tags(found.children("args")[0])
        return NO_TAGS

    def plain(self, expression: Node) -> Node:
        """Return what an expression is beneath names and casts that change no value."""
        ownership = self.asked.ownership
        while True:
            found = expression
            if found.kind == "NAMEDARGEXPR":
                found = found.needed("arg")
            elif found.kind in {"RELABELTYPE", "COERCETODOMAIN"}:
                below = found.needed("arg")
                family = ownership.family(found.number("resulttype"))
                if family and family == ownership.family(type_of(below)):
                    found = below
            elif found.kind == "VAR" and not found.number("varlevelsup"):
                found = self.scope.flatten(found)
                relation = (
                    self.scope.relation(found.number("varno")) if found.kind == "VAR" else None
                )
                if relation and relation.number("rtekind") == RTEKind.GROUP:
                    found = relation.children("groupexprs")[found.number("varattno") - 1]
            if found is expression:
                return found
            expression = found

    def column(self, expression: Node, number: int) -> int:
        """Return which column of a relation an expression is, 0 if it is none."""
        found = self.plain(expression)
        if found.kind != "VAR" or found.number("varlevelsup") or found.number("varno") != number:
            return 0
        return max(found.number("varattno"), 0)

    def _look_within(self) -> None:
        """Find the queries this one is made of."""
        scope = self.scope
        for one in scope.query.children("cteList"):
            query = one.needed("ctequery")
            once = one.flag("cterecursive") or query.number("commandType") != CmdType.SELECT
            if once or not one.number("cterefcount"):
                self.shared[one.word("ctename")] = Binding(
                    self.asked, scope.inner(query), self, is_recursive=one.flag("cterecursive")
                )
        for number in self.restrictions.conditions:
            relation = scope.relation(number)
            match relation.number("rtekind"):
                case RTEKind.SUBQUERY:
                    within = scope.inner(relation.needed("subquery"))
                    self.sources[number] = Binding(self.asked, within, self)
                case RTEKind.CTE:
                    self.sources[number] = self._cte(number)
                case RTEKind.RELATION if relation.number("relid") >= FIRST_NORMAL_OBJECT_ID:
                    view = scope.source(number)
                    if view is not None:
                        self.sources[number] = Binding(self.asked, view)
                case _:
                    pass
        for node in own_nodes(scope.query):
            if node.kind == "SUBLINK":
                query = node.needed("subselect")
                self.sublinks[id(query)] = Binding(self.asked, scope.inner(query), self)

    def _cte(self, number: int) -> "Binding":
        _, found = self.scope.cte(number)
        query, name = found.needed("ctequery"), found.word("ctename")
        owner: Binding | None = self
        for _ in range(self.scope.relation(number).number("ctelevelsup")):
            if owner is not None and owner.scope.query is query:
                return owner
            owner = owner._outer if owner else None  # noqa: SLF001 - of its own kind
        if owner is None:
            raise KeyError(name)
        if name in owner.shared:
            return owner.shared[name]
        return Binding(self.asked, owner.scope.inner(query), owner)

    def _around(self, levels: int) -> "Binding | None":
        found: Binding | None = self
        for _ in range(levels):
            found = found._outer if found else None  # noqa: SLF001 - of its own kind
        return found

    def within(self, sublink: Node) -> "Binding":
        """Return what follows for the query of a sub-select in an expression."""
        return self.sublinks[id(sublink.needed("subselect"))]

    def _known(self) -> int:
        """Measure what is known: it never becomes less."""
        values = (*self._bound.values(), *self._assumed.values())
        # a row that is the tenant's alone is more than one that may be everybody's
        return sum(map(len, values)) + sum(1 if one else 2 for one in self.owned.values())

    def _own(self) -> None:
        """Learn which rows are the tenant's."""
        scope = self.scope
        for number in self.restrictions.conditions:
            if self.table(number):
                relation = scope.relation(number).number("relid")
                found = status(self.asked.ownership, relation, self.columns(number))
                if found is not None:
                    self.owned[number] = found
        conflict = scope.query.child("onConflict")
        if conflict is not None:
            for column, tags in assigned_tags(self, scope.query).items():
                self._bound[conflict.number("exclRelIndex"), column] |= tags
        is_written = scope.command in {CmdType.INSERT, CmdType.MERGE} and self.table(scope.target)
        if is_written and not change_faults(self):
            self.owned[scope.target] = False
        for number in self.owned:
            self._follow(number)

    def _follow(self, number: int) -> None:
        """Learn of the tenant's rows that a row of the tenant's cannot but refer to."""
        owned, ownership = self.table(number), self.asked.ownership
        relation = self.scope.relation(number).number("relid")
        attributes = ownership.catalog.relation(relation).attributes
        # a child table has none of its parent's foreign keys
        links = owned.links if owned and ownership.is_plain(relation) else ()
        for place, link in enumerate(links):
            found = reached(ownership, link, {one: self.value(number, one) for one in link.columns})
            row = (self._serial, number, place)
            for column, key in zip(link.columns, link.keys, strict=True):
                # a foreign key of which a part is null is not looked at
                others = (attributes[one].proven for one in link.columns if one != column)
                if found is not None and all(others):
                    self._bound[number, column].add(Tag(link.parent, key, row, found))

    def _proven(self) -> Mapping[int, Tags]:
        """Return what each step of a recursive query keeps of what its beginning gives."""
        operation = self.scope.query.needed("setOperations")
        places = range(1, len(self.scope.targets) + 1)
        assumed = {place: self._arms(operation.needed("larg"), place) for place in places}
        while True:
            trial = Binding(self.asked, self.scope, self._outer, is_recursive=True, assumed=assumed)
            trial.settle()
            kept = {
                place: common([tags, trial._arms(operation, place)])
                for place, tags in assumed.items()
            }
            if kept == assumed:
                return kept
            assumed = kept

    def _arms(self, operation: Node, place: int) -> Tags:
        if operation.kind == "RANGETBLREF":
            return of_any_row(self.value(operation.number("rtindex"), place))
        left = self._arms(operation.needed("larg"), place)
        if operation.number("op") != SetOperation.UNION:
            return left
        return common([left, self._arms(operation.needed("rarg"), place)])

    def _read(self, number: int, column: int) -> Tags:
        """Return what is known of a column of something that is no table."""
        source = self.sources.get(number)
        if source is not None:
            tags = source.output(column)
            return of_any_row(tags) if source.is_run_once else tags
        relation = self.scope.relation(number)
        if relation.number("rtekind") == RTEKind.VALUES:
            return common([self.tags(row[column - 1]) for row in relation.rows("values_lists")])
        return NO_TAGS

    def _assigned(self) -> set[tuple[int, int]]:
        """Return the columns whose new value may be another than the conditions spoke of."""
        query = self.scope.query
        lists = query.children("targetList") if self.scope.command == CmdType.UPDATE else []
        for action in query.children("mergeActionList"):
            lists = [*lists, *action.children("targetList")]
        return {(self.scope.target, one.number("resno")) for one in lists}


def conclude(binding: Binding, conditions: Iterable[Node], number: int) -> dict[int, Tags]:
    """Return what the columns of a relation are where all these conditions hold."""
    found: defaultdict[int, Tags] = defaultdict(frozenset)
    for one in conditions:
        for column, tags in _conclusions(binding, one, number):
            found[column] |= tags
    return {column: tags for column, tags in found.items() if tags}


def sides(call: Node) -> Iterator[tuple[Node, Node]]:
    """Give what an operator compares, either side first."""
    compared = call.children("args")
    if call.kind == "OPEXPR" and len(compared) == 2:  # noqa: PLR2004 - left and right
        left, right = compared
        yield left, right
        yield right, left


def lifted(var: Node, levels: int) -> Node:
    """Return a column as the query so many levels around names it."""
    return Node("VAR", {**var.fields, "varlevelsup": str(var.number("varlevelsup") - levels)})


def type_of(expression: Node) -> int:
    """Return the type of an expression that is no call, 0 for any other."""
    if expression.kind == "SUBLINK" and expression.number("subLinkType") == SubLinkType.EXPR:
        [target, *_] = expression.needed("subselect").children("targetList")
        return type_of(target.needed("expr"))
    return expression.number(_TYPES.get(expression.kind, ""))


def _conclusions(binding: Binding, condition: Node, number: int) -> Iterator[tuple[int, Tags]]:
    match condition.kind:
        case "OPEXPR":
            for one, other in sides(condition):
                column = binding.column(one, number)
                if column and _is_equality(binding, condition, one, binding.plain(other)):
                    yield column, binding.tags(other)
        case "NULLTEST" if condition.number("nulltesttype") == NullTestType.IS_NULL:
            column = binding.column(condition.needed("arg"), number)
            if column:
                yield column, frozenset({TENANT_OR_NOBODY})
        case "BOOLEXPR" if condition.word("boolop") == "or":
            arms = [conclude(binding, conjuncts(one), number) for one in condition.children("args")]
            for column in set(arms[0]).intersection(*arms):
                yield column, common([arm[column] for arm in arms])
        case "SUBLINK" if condition.number("subLinkType") == SubLinkType.ANY:
            yield from _member(binding, condition, number)
        case "SUBLINK" if condition.number("subLinkType") == SubLinkType.EXISTS:
            yield from _existing(binding, condition, number)
        case _:
            pass


def _member(binding: Binding, sublink: Node, number: int) -> Iterator[tuple[int, Tags]]:
    """Conclude from `in`: the value is one that the query within gives."""
    within = binding.within(sublink)
    for test in conjuncts(sublink.child("testexpr")):
        for one, other in sides(test):
            column, found = binding.column(one, number), binding.plain(other)
            is_result = found.kind == "PARAM" and found.number("paramkind") == ParamKind.SUBLINK
            if column and is_result and _is_equality(binding, test, one, found):
                yield column, within.output(found.number("paramid"))


def _existing(binding: Binding, sublink: Node, number: int) -> Iterator[tuple[int, Tags]]:
    """Conclude from `exists`: there is a row for which its conditions hold."""
    within = binding.within(sublink)
    if not implies_its_conditions(within.scope):
        return
    for condition in within.scope.conditions:
        for one, other in sides(condition):
            outside = within.plain(one)
            if outside.kind == "VAR" and outside.number("varlevelsup") == 1:
                here = lifted(outside, 1)
                column = binding.column(here, number)
                if column and _is_equality(binding, condition, here, within.plain(other)):
                    yield column, within.tags(other)


def _is_equality(binding: Binding, call: Node, one: Node, other: Node) -> bool:
    """Say whether the very same values are compared for equality; `other` is plain."""
    types = type_of(binding.plain(one)), type_of(other)
    return binding.asked.ownership.is_equality(
        call.number("opno"), call.number("inputcollid"), *types
    )


def change_faults(binding: Binding) -> list[Crossing]:
    """Return what a statement may write that is not the tenant's, but for the rows it finds."""
    scope = binding.scope
    if scope.command == CmdType.SELECT:
        return []
    entry = scope.relation(scope.target)
    relation = scope.catalog.relation(entry.number("relid"))
    if relation.kind == RelKind.VIEW or relation.ruled:
        what = "a view" if relation.kind == RelKind.VIEW else "a table with rules"
        message = f"{relation.name} is {what}, and what is written is not seen; write to a table"
        return [Crossing("write", relation.name, message)]
    owned = binding.table(scope.target)
    if owned is None or scope.command == CmdType.DELETE:
        return []
    changes = _Changes(binding, owned, relation.name, entry.number("relid"))
    if scope.command == CmdType.UPDATE:
        return [*changes.assigned(scope.query)]
    if scope.command == CmdType.INSERT:
        return [*changes.inserted(scope.query), *changes.conflicting()]
    return [fault for one in actions(scope) for fault in changes.merged(one)]


def assigned_tags(binding: Binding, node: Node, listed: str = "targetList") -> dict[int, Tags]:
    """Return what the values are that columns get."""
    return {column: binding.tags(value) for column, value in _values(node, listed).items()}


class _Changes(NamedTuple):
    """What a statement writes into a table that is a tenant's."""

    binding: Binding
    owned: Owned
    name: str
    relation: int

    def inserted(self, node: Node) -> Iterator[Crossing]:
        """Find the columns of a new row that do not make it the tenant's."""
        tags, values = assigned_tags(self.binding, node), _values(node)
        if self.owned.column:
            if not self._is_tenant(tags, values):
                message = f"{self.name} gets a row whose {self._column} is not {self._wanted}"
                yield Crossing("write", self.name, message)
            return
        yield from self._misled(tags, frozenset(tags), every=True)

    def assigned(self, node: Node, listed: str = "targetList") -> Iterator[Crossing]:
        """Find the new values that make a row another tenant's."""
        tags, values = assigned_tags(self.binding, node, listed), _values(node, listed)
        if self.owned.column in values and not self._is_tenant(tags, values):
            message = f"{self._column} of {self.name} is set to what is not {self._wanted}"
            yield Crossing("write", self.name, message)
        kept = {
            column: self.binding.value(self.binding.scope.target, column)
            for one in self.owned.references
            for column in one.columns
        }
        yield from self._misled({**kept, **tags}, frozenset(tags), every=False)

    def conflicting(self) -> Iterator[Crossing]:
        """Find out whether `on conflict do update` may meet another tenant's row."""
        scope, ownership = self.binding.scope, self.binding.asked.ownership
        conflict = scope.query.child("onConflict")
        if conflict is None or conflict.number("action") != OnConflictAction.UPDATE:
            return
        inserted = assigned_tags(self.binding, scope.query)
        met = conclude(self.binding, conjuncts(conflict.child("onConflictWhere")), scope.target)
        for column in self._arbiters(conflict):
            if ownership.conflicts_exactly(self.relation, column):
                met[column] = met.get(column, frozenset()) | inserted.get(column, frozenset())
        if status(ownership, self.relation, met) is not False:
            right = (
                f"add `where {scope.name(scope.target)}.{self._column} = excluded.{self._column}`"
                if self.owned.column
                else "leave the row there as it is"
            )
            message = f"on conflict, a row of {self.name} is changed that may be another tenant's"
            yield Crossing("write", self.name, f"{message}; {right}")
        yield from self.assigned(conflict, "onConflictSet")

    def merged(self, action: Node) -> Iterator[Crossing]:
        """Find what one action of a merge may write that is not the tenant's."""
        scope, command = self.binding.scope, action.number("commandType")
        ownership = self.binding.asked.ownership
        if command == CmdType.INSERT:
            yield from self.inserted(action)
        elif command in {CmdType.UPDATE, CmdType.DELETE}:
            met = conclude(self.binding, action_conditions(scope, action), scope.target)
            if status(ownership, self.relation, met) is not False:
                message = (
                    f"{self.name} is merged into where a row may be another tenant's; "
                    "bind it in `on`, or in the `and` of a `when not matched by source`"
                )
                yield Crossing("write", self.name, message)
            yield from self.assigned(action) if command == CmdType.UPDATE else ()

    @property
    def _column(self) -> str:
        catalog = self.binding.scope.catalog
        return catalog.relation(self.relation).attributes[self.owned.column].name

    @property
    def _wanted(self) -> str:
        return f":'{self.binding.asked.ownership.tenant}'"

    def _is_tenant(self, tags: Mapping[int, Tags], values: Mapping[int, Node]) -> bool:
        column = self.owned.column
        if not any(one.relation == 0 for one in tags.get(column, ())):
            return False
        # a null would make the row everybody's, where the table lets it in
        scope = self.binding.scope
        return (
            not self.owned.may_be_global
            or self.binding.plain(values[column]).kind == "PARAM"
            or not Proof.rows_of(scope).doubt(values[column])
        )

    def _misled(
        self, tags: Mapping[int, Tags], changed: frozenset[int], *, every: bool
    ) -> Iterator[Crossing]:
        """Find the foreign keys that may lead to another tenant's row.

        One is enough to read by, so that all of them have to lead to the same tenant.
        """
        catalog, ownership = self.binding.scope.catalog, self.binding.asked.ownership
        attributes = catalog.relation(self.relation).attributes
        # one that another contains leads to the same row, for its columns are a key of that row
        right = [_pairs(one) for one in self.owned.references if _leads(ownership, one, tags)]
        wrong = [
            one
            for one in self.owned.references
            if (every or not changed.isdisjoint(one.columns))
            and not any(_pairs(one) <= other for other in right)
        ]
        for one in wrong:
            if any(_pairs(other) < _pairs(one) for other in wrong if other.parent == one.parent):
                continue
            columns = ", ".join(attributes[column].name for column in one.columns)
            parent = catalog.relation(one.parent).name
            message = (
                f"{self.name} gets a row whose {columns} may be another tenant's; "
                f"take it from a bound {parent}"
            )
            yield Crossing("write", self.name, message)

    def _arbiters(self, conflict: Node) -> tuple[int, ...]:
        constraint = conflict.number("constraint")
        if constraint:
            return self.binding.asked.ownership.constrained(constraint)
        elements = [one.needed("expr") for one in conflict.children("arbiterElems")]
        return tuple(one.number("varattno") for one in elements if one.kind == "VAR")


def _leads(ownership: Ownership, reference: Reference, tags: Mapping[int, Tags]) -> bool:
    """Say whether a foreign key leads to a row of the tenant's own."""
    return reached(ownership, reference, tags) is False


def _pairs(reference: Reference) -> set[tuple[int, int, int]]:
    pairs = zip(reference.columns, reference.keys, strict=True)
    return {(reference.parent, column, key) for column, key in pairs}


def _values(node: Node, listed: str = "targetList") -> dict[int, Node]:
    return {
        one.number("resno"): one.needed("expr")
        for one in node.children(listed)
        if not one.flag("resjunk")
    }
