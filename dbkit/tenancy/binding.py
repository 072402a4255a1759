"""Follow the tenant through a query: which values are the tenant, which rows are its own."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
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
from dbkit.tenancy.ownership import ForeignKey, Ownership, TenantTable
from dbkit.tenancy.restrictions import (
    action_conditions,
    actions,
    exposed_columns,
    implies_its_conditions,
    listed_nodes,
    own_nodes,
    restrictions,
)
from dbkit.tenancy.tags import (
    NO_TAGS,
    TENANT,
    TENANT_OR_GLOBAL,
    Tag,
    Tags,
    common,
    may_be_global,
    of_any_row,
    parent_may_be_global,
)

# the field of an expression without a call that has the type of its value
_TYPE_FIELDS = {
    "VAR": "vartype",
    "PARAM": "paramtype",
    "RELABELTYPE": "resulttype",
    "COERCETODOMAIN": "resulttype",
}


class Crossing(NamedTuple):
    """Why a statement may read or write another tenant's rows."""

    # "relation", "write", "function", "server", "error" or "unknown"
    kind: str
    # the table or function, as it is called in the statement
    name: str
    # one sentence that begins with the name
    message: str


@dataclass(frozen=True, slots=True)
class BindingContext:
    """What the bindings of all queries of a statement have in common."""

    ownership: Ownership
    # the numbers of the parameters that are the tenant
    tenant_parameters: frozenset[int]
    # each query is followed as if it ran before the conditions of the queries around it
    is_alone: bool = False
    # a number for each binding
    serials: Iterator[int] = field(default_factory=count)


class OuterRow(IntEnum):
    """What is true of a row of the queries around when a query runs for it."""

    # conditions may be looked at later
    ANY = 0
    # the conditions on its relation alone
    SCANNED = 1
    # all conditions
    KEPT = 2


class Binding:
    """What is known about the values and rows of a query; more is concluded step by step."""

    def __init__(  # noqa: PLR0913 - all that a query knows of what is around it
        self,
        context: BindingContext,
        scope: Scope,
        outer: "Binding | None" = None,
        *,
        is_recursive: bool = False,
        assumed_tags: Mapping[int, Tags] | None = None,
        outer_row: OuterRow = OuterRow.KEPT,
    ) -> None:
        self.context = context
        self.scope = scope
        # whether it is the query of a view
        self.is_view = False
        self.restrictions = restrictions(scope)
        # the relations whose rows are the tenant's, and whether these may be global instead
        self.bound: dict[int, bool] = {}
        # the queries of relations: sub-selects, `with` queries and views
        self.sources: dict[int, Binding] = {}
        # `with` queries that run once, however often they are read, by their names
        self.run_once: dict[str, Binding] = {}
        self.sublinks: dict[int, Binding] = {}
        self._outer = outer
        self.outer_row = outer_row
        self._serial = next(context.serials)
        # by a relation and a column of it
        self._column_tags: defaultdict[tuple[int, int], set[Tag]] = defaultdict(set)
        # by a column of the result, what a condition outside of the query says about it
        self._required_tags: defaultdict[int, set[Tag]] = defaultdict(set)
        self._exposed_columns = exposed_columns(scope)
        # by a column of its result, what is known of a recursive query; a trial assumes it
        self._is_recursive = is_recursive
        self._is_trial = assumed_tags is not None
        self._recursive_tags: Mapping[int, Tags] = assumed_tags or {}
        self._bind_inner_queries()

    @property
    def is_run_once(self) -> bool:
        """Whether the query runs once for all that read it, so that no reader restricts it."""
        return self._is_recursive or self.scope.command != CmdType.SELECT

    @property
    def is_outermost(self) -> bool:
        """Whether it is the query of the statement or of a view."""
        return self._outer is None

    @property
    def inner(self) -> "list[Binding]":
        """The queries directly within this one, and the views that it reads."""
        sources = (source for source in self.sources.values() if not source.is_run_once)
        return [*self.run_once.values(), *sources, *self.sublinks.values()]

    def with_inner(self) -> "Iterator[Binding]":
        """Yield this query, all queries within it, and the views that they read."""
        yield self
        for inner in self.inner:
            yield from inner.with_inner()

    def around(self, levels: int) -> "tuple[Binding | None, OuterRow]":
        """Return the query that is so many levels further out, and what is true of its row."""
        binding: Binding | None = self
        row = OuterRow.KEPT
        for _ in range(levels):
            if binding is not None:
                row = min(row, binding.outer_row)
                binding = binding._outer  # noqa: SLF001 - of the same class
        return binding, row

    def is_bound_by_itself(self, number: int) -> bool:
        """Say whether conditions on a table alone keep it to the tenant, so its scan does."""
        table = self.tenant_table(number)
        if table is None:
            return False
        own = [
            condition
            for condition in self.restrictions.conditions.get(number, ())
            if all(
                node.kind not in {"VAR", "SUBLINK"} or self.column_of(node, number)
                for node in condition.walk()
            )
        ]
        relation = self.scope.relation(number).number("relid")
        tags = concluded_tags(self, own, number)
        return may_be_global(self.context.ownership, relation, tags) is not None

    def is_shielded(self, number: int) -> bool:
        """Say whether policies keep a table to the tenant, before anything that can fail runs."""
        root = self
        while root._outer is not None:
            root = root._outer
        relation = self.scope.relation(number).number("relid")
        # in a view they are those of the view's owner
        return not root.is_view and self.context.ownership.is_shielded(relation)

    def settle(self) -> None:
        """Conclude until nothing more follows."""
        while self.step():
            pass

    def step(self) -> bool:
        """Conclude what follows from what is known, and say whether anything new did."""
        before = self._amount_known()
        changed = False
        for (number, column), tags in list(self._column_tags.items()):
            if number in self.sources and not self.context.is_alone:
                changed |= self.sources[number].require(column, tags)
        for inner in self.inner:
            changed |= inner.step()
        if self._is_recursive and not self._is_trial:
            self._recursive_tags = self._tags_of_recursion()
        for number, conditions in self.restrictions.conditions.items():
            for column, concluded in concluded_tags(self, conditions, number).items():
                self._column_tags[number, column] |= concluded
        for position, required in self._required_tags.items():
            for number in self.restrictions.exposed:
                column = self.column_of(self.scope.targets[position - 1].needed("expr"), number)
                if column:
                    self._column_tags[number, column] |= required
        self._bind_relations()
        return changed or self._amount_known() != before

    def require(self, position: int, tags: Iterable[Tag]) -> bool:
        """Note that a condition outside restricts a column of the result; say if that is new."""
        is_refused = self.is_run_once or position not in self._exposed_columns
        if is_refused or self._required_tags[position].issuperset(tags):
            return False
        if "setOperations" in self.scope.query:
            for arm in self.restrictions.exposed & self.sources.keys():
                self.sources[arm].require(position, tags)
        self._required_tags[position].update(tags)
        return True

    def column_tags(self, number: int) -> dict[int, Tags]:
        """Return what conditions say about the columns of a relation."""
        return {
            column: frozenset(tags)
            for (relation, column), tags in self._column_tags.items()
            if relation == number
        }

    def tenant_table(self, number: int) -> TenantTable | None:
        """Return the table of tenants that a relation is, None if it is none."""
        relation = self.scope.relation(number)
        if relation.number("rtekind") != RTEKind.RELATION:
            return None
        return self.context.ownership.table(relation.number("relid"))

    def tags_of_column(self, number: int, column: int) -> Tags:
        """Return what is known about the value of a column of a relation."""
        if column <= 0:
            return NO_TAGS
        tags = self._tags_of_source(number, column)
        if (number, column) not in self._assigned_columns():
            concluded = self._column_tags.get((number, column), NO_TAGS)
            tags |= {TENANT if tag == TENANT_OR_GLOBAL else tag for tag in concluded}
        return tags | self._tags_of_own_row(number, column)

    def _tags_of_own_row(self, number: int, column: int) -> Tags:
        """Return what follows about a column from that its row is the tenant's."""
        if number not in self.bound or column <= 0:
            return NO_TAGS
        tags = NO_TAGS
        relation = self.scope.relation(number).number("relid")
        table = self.context.ownership.table(relation)
        if table and table.column == column:
            tags |= {TENANT}
        if self.context.ownership.is_plain(relation):
            row = (self._serial, number)
            tags |= {Tag(relation, column, row, self.bound[number])}
        return tags

    def tags_of_output(self, position: int) -> Tags:
        """Return what is known about the values of a column of the result."""
        if self._is_recursive:
            return self._recursive_tags.get(position, NO_TAGS)
        operation = self.scope.query.child("setOperations")
        if operation is not None:
            return self._tags_of_arms(operation, position)
        targets = self.scope.targets
        if position > len(targets):
            return NO_TAGS
        return self.tags_of(targets[position - 1].needed("expr"))

    def tags_of(self, expression: Node) -> Tags:
        """Return what is known about the value of an expression."""
        plain = self.plain(expression)
        if plain.kind == "VAR":
            levels = plain.number("varlevelsup")
            if not levels:
                return self.tags_of_column(plain.number("varno"), plain.number("varattno"))
            return self._tags_of_outside(_as_seen_outside(plain, levels), levels)
        if plain.kind == "PARAM" and plain.number("paramkind") == ParamKind.EXTERN:
            is_tenant = plain.number("paramid") in self.context.tenant_parameters
            return frozenset({TENANT}) if is_tenant else NO_TAGS
        if plain.kind == "SUBLINK" and plain.number("subLinkType") == SubLinkType.EXPR:
            return self.of_sublink(plain).tags_of_output(1)
        is_length = plain.kind == "FUNCEXPR" and plain.number("funcid") in LENGTH_COERCIONS
        if is_length and plain.number("funcformat") == CoercionForm.IMPLICIT_CAST:
            return self.tags_of(plain.children("args")[0])
        return NO_TAGS

    def plain(self, expression: Node) -> Node:
        """Return an expression without the names and casts around it that change no value."""
        ownership = self.context.ownership
        while True:
            plain = expression
            if plain.kind == "NAMEDARGEXPR":
                plain = plain.needed("arg")
            elif plain.kind in {"RELABELTYPE", "COERCETODOMAIN"}:
                argument = plain.needed("arg")
                family = ownership.operator_family(plain.number("resulttype"))
                if family and family == ownership.operator_family(_type_of(argument)):
                    plain = argument
            elif plain.kind == "VAR" and not plain.number("varlevelsup"):
                plain = self.scope.flatten(plain)
                relation = (
                    self.scope.relation(plain.number("varno")) if plain.kind == "VAR" else None
                )
                if relation and relation.number("rtekind") == RTEKind.GROUP:
                    plain = relation.children("groupexprs")[plain.number("varattno") - 1]
            if plain is expression:
                return plain
            expression = plain

    def column_of(self, expression: Node, number: int) -> int:
        """Return the column of a relation that an expression is, 0 if it is none."""
        plain = self.plain(expression)
        if plain.kind != "VAR" or plain.number("varlevelsup") or plain.number("varno") != number:
            return 0
        return max(plain.number("varattno"), 0)

    def of_sublink(self, sublink: Node) -> "Binding":
        """Return the binding of a sub-select in an expression."""
        return self.sublinks[id(sublink.needed("subselect"))]

    def _bind_inner_queries(self) -> None:
        scope = self.scope
        for cte in scope.query.children("cteList"):
            query = cte.needed("ctequery")
            is_recursive = cte.flag("cterecursive")
            is_run_once = is_recursive or query.number("commandType") != CmdType.SELECT
            if is_run_once or not cte.number("cterefcount"):
                self.run_once[cte.word("ctename")] = Binding(
                    self.context, scope.inner(query), self, is_recursive=is_recursive
                )
        for number in self.restrictions.conditions:
            relation = scope.relation(number)
            match relation.number("rtekind"):
                case RTEKind.SUBQUERY:
                    subquery = scope.inner(relation.needed("subquery"))
                    row = OuterRow.SCANNED if relation.flag("lateral") else OuterRow.KEPT
                    self.sources[number] = Binding(self.context, subquery, self, outer_row=row)
                case RTEKind.CTE:
                    self.sources[number] = self._bind_cte(number)
                # PostgreSQL's own views are known by their names
                case RTEKind.RELATION if relation.number("relid") >= FIRST_NORMAL_OBJECT_ID:
                    view = scope.source(number)
                    if view is not None:
                        self.sources[number] = Binding(self.context, view)
                        self.sources[number].is_view = True
                case _:
                    pass
        listed = {id(node) for node in listed_nodes(scope.query)}
        for node in own_nodes(scope.query):
            if node.kind == "SUBLINK":
                query = node.needed("subselect")
                row = OuterRow.KEPT if id(node) in listed else OuterRow.ANY
                self.sublinks[id(query)] = Binding(
                    self.context, scope.inner(query), self, outer_row=row
                )

    def _bind_cte(self, number: int) -> "Binding":
        """Return the binding of the `with` query that a relation reads.

        Each reader has a binding of its own, because its conditions restrict the query, unless the
        query runs once.
        """
        _, cte = self.scope.cte(number)
        query, name = cte.needed("ctequery"), cte.word("ctename")
        owner: Binding | None = self
        for _ in range(self.scope.relation(number).number("ctelevelsup")):
            # a recursive query that reads itself
            if owner is not None and owner.scope.query is query:
                return owner
            owner = owner._outer if owner else None  # noqa: SLF001 - of the same class
        if owner is None:
            raise KeyError(name)
        if name in owner.run_once:
            return owner.run_once[name]
        return Binding(self.context, owner.scope.inner(query), owner)

    def _tags_of_outside(self, var: Node, levels: int) -> Tags:
        """Return what is known about a column of a query around."""
        outer, row = self.around(levels)
        if outer is None:
            return NO_TAGS
        if not self.context.is_alone or row == OuterRow.KEPT:
            return outer.tags_of(var)
        plain = outer.scope.flatten(var)
        if row == OuterRow.ANY or plain.kind != "VAR" or plain.number("varlevelsup"):
            return NO_TAGS
        number = plain.number("varno")
        if not outer.is_bound_by_itself(number):
            return NO_TAGS
        return outer._tags_of_own_row(  # noqa: SLF001 - of the same class
            number, plain.number("varattno")
        )

    def _amount_known(self) -> int:
        """Return a number that grows with everything that is concluded."""
        tags = (*self._column_tags.values(), *self._recursive_tags.values())
        # that a row is the tenant's is more than that it may be global instead
        bound = sum(1 if is_global else 2 for is_global in self.bound.values())
        return sum(map(len, tags)) + bound

    def _bind_relations(self) -> None:
        """Conclude which rows are the tenant's."""
        scope = self.scope
        for number in self.restrictions.conditions:
            if self.tenant_table(number):
                relation = scope.relation(number).number("relid")
                is_global = may_be_global(
                    self.context.ownership, relation, self.column_tags(number)
                )
                if is_global is not None:
                    self.bound[number] = is_global
        conflict = scope.query.child("onConflict")
        if conflict is not None:
            for column, tags in _assigned_tags(self, scope.query).items():
                self._column_tags[conflict.number("exclRelIndex"), column] |= tags
        is_written = scope.command in {CmdType.INSERT, CmdType.MERGE}
        if is_written and self.tenant_table(scope.target) and not written_crossings(self):
            self.bound[scope.target] = False
        for number in self.bound:
            self._follow_foreign_keys(number)

    def _follow_foreign_keys(self, number: int) -> None:
        """Conclude that a row of the tenant's refers to rows of the tenant's."""
        table, ownership = self.tenant_table(number), self.context.ownership
        relation = self.scope.relation(number).number("relid")
        attributes = ownership.catalog.relation(relation).attributes
        # the foreign keys of a table are not those of its child tables
        keys = table.checked_keys if table and ownership.is_plain(relation) else ()
        for position, key in enumerate(keys):
            column_tags = {column: self.tags_of_column(number, column) for column in key.columns}
            is_global = parent_may_be_global(ownership, key, column_tags)
            row = (self._serial, number, position)
            for column, parent_column in zip(key.columns, key.parent_columns, strict=True):
                # a foreign key is not checked if one of its columns is null
                others = (attributes[other].proven for other in key.columns if other != column)
                if is_global is not None and all(others):
                    tag = Tag(key.parent, parent_column, row, is_global)
                    self._column_tags[number, column].add(tag)

    def _tags_of_recursion(self) -> Mapping[int, Tags]:
        """Return what is known about the result of a recursive query, by column.

        What is known about the rows it begins with is assumed about all rows. What then does not
        follow about the rows of the next steps is dropped, until all follows that is assumed.
        """
        operation = self.scope.query.needed("setOperations")
        positions = range(1, len(self.scope.targets) + 1)
        assumed = {
            position: self._tags_of_arms(operation.needed("larg"), position)
            for position in positions
        }
        while True:
            trial = Binding(
                self.context, self.scope, self._outer, is_recursive=True, assumed_tags=assumed
            )
            trial.settle()
            kept = {
                position: common([tags, trial._tags_of_arms(operation, position)])
                for position, tags in assumed.items()
            }
            if kept == assumed:
                return kept
            assumed = kept

    def _tags_of_arms(self, operation: Node, position: int) -> Tags:
        """Return what is known about a column of what `union` and its like combine."""
        if operation.kind == "RANGETBLREF":
            return of_any_row(self.tags_of_column(operation.number("rtindex"), position))
        left = self._tags_of_arms(operation.needed("larg"), position)
        if operation.number("op") != SetOperation.UNION:
            return left
        return common([left, self._tags_of_arms(operation.needed("rarg"), position)])

    def _tags_of_source(self, number: int, column: int) -> Tags:
        """Return what is known about a column of a relation that is no table."""
        source = self.sources.get(number)
        if source is not None:
            tags = source.tags_of_output(column)
            return of_any_row(tags) if source.is_run_once else tags
        relation = self.scope.relation(number)
        if relation.number("rtekind") == RTEKind.VALUES:
            return common([self.tags_of(row[column - 1]) for row in relation.rows("values_lists")])
        return NO_TAGS

    def _assigned_columns(self) -> set[tuple[int, int]]:
        """Return the columns that get a new value; conditions say nothing about that."""
        query = self.scope.query
        targets = query.children("targetList") if self.scope.command == CmdType.UPDATE else []
        for action in query.children("mergeActionList"):
            targets = [*targets, *action.children("targetList")]
        return {(self.scope.target, target.number("resno")) for target in targets}


def concluded_tags(binding: Binding, conditions: Iterable[Node], number: int) -> dict[int, Tags]:
    """Return what is known about the columns of a relation where all conditions are true."""
    column_tags: defaultdict[int, Tags] = defaultdict(frozenset)
    for condition in conditions:
        for column, tags in _conclusions(binding, condition, number):
            column_tags[column] |= tags
    return {column: tags for column, tags in column_tags.items() if tags}


def _conclusions(binding: Binding, condition: Node, number: int) -> Iterator[tuple[int, Tags]]:
    match condition.kind:
        case "OPEXPR":
            for side, other in _sides(condition):
                column = binding.column_of(side, number)
                if column and _is_equality(binding, condition, side, binding.plain(other)):
                    yield column, binding.tags_of(other)
        case "NULLTEST" if condition.number("nulltesttype") == NullTestType.IS_NULL:
            column = binding.column_of(condition.needed("arg"), number)
            if column:
                yield column, frozenset({TENANT_OR_GLOBAL})
        case "BOOLEXPR" if condition.word("boolop") == "or":
            alternatives = [
                concluded_tags(binding, conjuncts(argument), number)
                for argument in condition.children("args")
            ]
            for column in set(alternatives[0]).intersection(*alternatives):
                yield column, common([alternative[column] for alternative in alternatives])
        case "SUBLINK" if condition.number("subLinkType") == SubLinkType.ANY:
            yield from _conclusions_of_in(binding, condition, number)
        case "SUBLINK" if condition.number("subLinkType") == SubLinkType.EXISTS:
            yield from _conclusions_of_exists(binding, condition, number)
        case _:
            pass


def _conclusions_of_in(binding: Binding, sublink: Node, number: int) -> Iterator[tuple[int, Tags]]:
    """Conclude from `in (select ...)` that a column has a value of the sub-select's result."""
    inner = binding.of_sublink(sublink)
    for test in conjuncts(sublink.child("testexpr")):
        for side, other in _sides(test):
            column, result = binding.column_of(side, number), binding.plain(other)
            is_result = result.kind == "PARAM" and result.number("paramkind") == ParamKind.SUBLINK
            if column and is_result and _is_equality(binding, test, side, result):
                yield column, inner.tags_of_output(result.number("paramid"))


def _conclusions_of_exists(
    binding: Binding, sublink: Node, number: int
) -> Iterator[tuple[int, Tags]]:
    """Conclude from `exists (select ...)` that the sub-select's conditions are true of a row."""
    inner = binding.of_sublink(sublink)
    if not implies_its_conditions(inner.scope):
        return
    for condition in inner.scope.conditions:
        for side, other in _sides(condition):
            var = inner.plain(side)
            if var.kind == "VAR" and var.number("varlevelsup") == 1:
                outside = _as_seen_outside(var, 1)
                column = binding.column_of(outside, number)
                if column and _is_equality(binding, condition, outside, inner.plain(other)):
                    yield column, inner.tags_of(other)


def _sides(call: Node) -> Iterator[tuple[Node, Node]]:
    """Yield the two sides that an operator compares, in both orders."""
    arguments = call.children("args")
    if call.kind == "OPEXPR" and len(arguments) == 2:  # noqa: PLR2004 - left and right
        left, right = arguments
        yield left, right
        yield right, left


def _is_equality(binding: Binding, call: Node, side: Node, other: Node) -> bool:
    """Say whether an operator finds only the same values equal; `other` has to be plain."""
    types = _type_of(binding.plain(side)), _type_of(other)
    return binding.context.ownership.is_equality(
        call.number("opno"), call.number("inputcollid"), *types
    )


def _as_seen_outside(var: Node, levels: int) -> Node:
    """Return a column as the query that is so many levels further out refers to it."""
    return var.replaced(varlevelsup=str(var.number("varlevelsup") - levels))


def _type_of(expression: Node) -> int:
    """Return the oid of the type of an expression without a call, 0 for any other."""
    if expression.kind == "SUBLINK" and expression.number("subLinkType") == SubLinkType.EXPR:
        [target, *_] = expression.needed("subselect").children("targetList")
        return _type_of(target.needed("expr"))
    return expression.number(_TYPE_FIELDS.get(expression.kind, ""))


def written_crossings(binding: Binding) -> list[Crossing]:
    """Return why a statement may write a row that is not the tenant's.

    Whether the rows that it finds to change are the tenant's is not looked at here.
    """
    scope = binding.scope
    if scope.command == CmdType.SELECT:
        return []
    entry = scope.relation(scope.target)
    relation = scope.catalog.relation(entry.number("relid"))
    if relation.kind == RelKind.VIEW or relation.ruled:
        what = "a view" if relation.kind == RelKind.VIEW else "a table with rules"
        message = f"{relation.name} is {what}, and what is written is not seen; write to a table"
        return [Crossing("write", relation.name, message)]
    table = binding.tenant_table(scope.target)
    if table is None or scope.command == CmdType.DELETE:
        return []
    write = _Write(binding, table, relation.name, entry.number("relid"))
    if scope.command == CmdType.UPDATE:
        return [*write.updated(scope.query)]
    if scope.command == CmdType.INSERT:
        return [*write.inserted(scope.query), *write.conflicting()]
    return [crossing for action in actions(scope) for crossing in write.merged(action)]


class _Write(NamedTuple):
    """What a statement writes into a table of tenants."""

    binding: Binding
    table: TenantTable
    name: str
    relation: int

    def inserted(self, node: Node) -> Iterator[Crossing]:
        """Yield why a new row may not be the tenant's."""
        tags, values = _assigned_tags(self.binding, node), _assigned_values(node)
        if self.table.column:
            if not self._is_tenant(tags, values):
                message = f"{self.name} gets a row whose {self._column} is not {self._parameter}"
                yield Crossing("write", self.name, message)
            return
        yield from self._misleading_keys(tags, self.table.owning_keys)

    def updated(self, node: Node, field_name: str = "targetList") -> Iterator[Crossing]:
        """Yield why the new values of a row may make it another tenant's."""
        tags = _assigned_tags(self.binding, node, field_name)
        values = _assigned_values(node, field_name)
        if self.table.column in values and not self._is_tenant(tags, values):
            message = f"{self._column} of {self.name} is set to what is not {self._parameter}"
            yield Crossing("write", self.name, message)
        kept = {
            column: self.binding.tags_of_column(self.binding.scope.target, column)
            for key in self.table.owning_keys
            for column in key.columns
        }
        changed = [key for key in self.table.owning_keys if not tags.keys().isdisjoint(key.columns)]
        yield from self._misleading_keys({**kept, **tags}, changed)

    def conflicting(self) -> Iterator[Crossing]:
        """Yield why `on conflict do update` may change another tenant's row."""
        scope, ownership = self.binding.scope, self.binding.context.ownership
        conflict = scope.query.child("onConflict")
        if conflict is None or conflict.number("action") != OnConflictAction.UPDATE:
            return
        inserted = _assigned_tags(self.binding, scope.query)
        conditions = conjuncts(conflict.child("onConflictWhere"))
        existing = concluded_tags(self.binding, conditions, scope.target)
        for column in self._conflict_columns(conflict):
            if ownership.conflicts_exactly(self.relation, column):
                existing[column] = existing.get(column, NO_TAGS) | inserted.get(column, NO_TAGS)
        if may_be_global(ownership, self.relation, existing) is not False:
            way_out = (
                f"add `where {scope.name(scope.target)}.{self._column} = excluded.{self._column}`"
                if self.table.column
                else "leave the row there as it is"
            )
            message = f"on conflict, a row of {self.name} is changed that may be another tenant's"
            yield Crossing("write", self.name, f"{message}; {way_out}")
        yield from self.updated(conflict, "onConflictSet")

    def merged(self, action: Node) -> Iterator[Crossing]:
        """Yield why an action of a merge may write a row that is not the tenant's."""
        scope, command = self.binding.scope, action.number("commandType")
        ownership = self.binding.context.ownership
        if command == CmdType.INSERT:
            yield from self.inserted(action)
        elif command in {CmdType.UPDATE, CmdType.DELETE}:
            conditions = action_conditions(scope, action)
            existing = concluded_tags(self.binding, conditions, scope.target)
            if may_be_global(ownership, self.relation, existing) is not False:
                message = (
                    f"{self.name} is merged into where a row may be another tenant's; "
                    "bind it in `on`, or in the `and` of a `when not matched by source`"
                )
                yield Crossing("write", self.name, message)
            yield from self.updated(action) if command == CmdType.UPDATE else ()

    @property
    def _column(self) -> str:
        catalog = self.binding.scope.catalog
        return catalog.relation(self.relation).attributes[self.table.column].name

    @property
    def _parameter(self) -> str:
        return f":'{self.binding.context.ownership.tenant}'"

    def _is_tenant(self, tags: Mapping[int, Tags], values: Mapping[int, Node]) -> bool:
        """Say whether the value for the column that holds the tenant is the tenant."""
        column = self.table.column
        if not any(tag.relation == 0 for tag in tags.get(column, ())):
            return False
        # a null would make the row global, if the column may be null
        scope = self.binding.scope
        return (
            not self.table.may_be_global
            or self.binding.plain(values[column]).kind == "PARAM"
            or not Proof.rows_of(scope).doubt(values[column])
        )

    def _misleading_keys(
        self, tags: Mapping[int, Tags], foreign_keys: Iterable[ForeignKey]
    ) -> Iterator[Crossing]:
        """Yield the foreign keys that may refer to another tenant's row.

        A row is taken for the tenant's by any one of its foreign keys, so all of them have to
        refer to the same tenant.
        """
        catalog, ownership = self.binding.scope.catalog, self.binding.context.ownership
        attributes = catalog.relation(self.relation).attributes
        # a key whose columns are among those of another refers to the same row
        proven = [
            _column_pairs(key)
            for key in self.table.owning_keys
            if parent_may_be_global(ownership, key, tags) is False
        ]
        misleading = [
            key for key in foreign_keys if not any(_column_pairs(key) <= pairs for pairs in proven)
        ]
        for key in misleading:
            if any(
                _column_pairs(other) < _column_pairs(key)
                for other in misleading
                if other.parent == key.parent
            ):
                continue
            columns = ", ".join(attributes[column].name for column in key.columns)
            parent = catalog.relation(key.parent).name
            message = (
                f"{self.name} gets a row whose {columns} may be another tenant's; "
                f"take it from a bound {parent}"
            )
            yield Crossing("write", self.name, message)

    def _conflict_columns(self, conflict: Node) -> tuple[int, ...]:
        """Return the columns that are equal in two rows that conflict."""
        constraint = conflict.number("constraint")
        if constraint:
            return self.binding.context.ownership.constraint_columns(constraint)
        elements = [element.needed("expr") for element in conflict.children("arbiterElems")]
        return tuple(element.number("varattno") for element in elements if element.kind == "VAR")


def _column_pairs(key: ForeignKey) -> set[tuple[int, int, int]]:
    pairs = zip(key.columns, key.parent_columns, strict=True)
    return {(key.parent, column, parent_column) for column, parent_column in pairs}


def _assigned_tags(binding: Binding, node: Node, field_name: str = "targetList") -> dict[int, Tags]:
    """Return what is known about the values that columns get."""
    values = _assigned_values(node, field_name)
    return {column: binding.tags_of(value) for column, value in values.items()}


def _assigned_values(node: Node, field_name: str = "targetList") -> dict[int, Node]:
    return {
        target.number("resno"): target.needed("expr")
        for target in node.children(field_name)
        if not target.flag("resjunk")
    }
