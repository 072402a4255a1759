"""Find what a statement may write that is not the tenant's, or would not be any more."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from dbkit.analysis import DELETE, INSERT, SELECT, UPDATE, Node, Proof, conjuncts
from dbkit.tenancy.conclusions import conclude
from dbkit.tenancy.restrictions import action_conditions, actions
from dbkit.tenancy.tags import Tags, reached, status

if TYPE_CHECKING:
    from dbkit.tenancy.binding import Binding
    from dbkit.tenancy.ownership import Owned, Ownership, Reference

_DO_UPDATE = 2


class Crossing(NamedTuple):
    """Why a statement may cross from one tenant to another."""

    # "relation", "write", "function" or "unknown"
    kind: str
    # the table or function, as the statement calls it
    name: str
    # one sentence, begun with the name
    message: str


def change_faults(binding: "Binding") -> list[Crossing]:
    """Return what a statement may write that is not the tenant's, but for the rows it finds."""
    scope = binding.scope
    if scope.command == SELECT:
        return []
    entry = scope.relation(scope.target)
    relation = scope.catalog.relation(entry.number("relid"))
    if relation.kind == "v" or relation.ruled:
        what = "a view" if relation.kind == "v" else "a table with rules"
        message = f"{relation.name} is {what}, and what is written is not seen; write to a table"
        return [Crossing("write", relation.name, message)]
    owned = binding.table(scope.target)
    if owned is None or scope.command == DELETE:
        return []
    changes = _Changes(binding, owned, relation.name, entry.number("relid"))
    if scope.command == UPDATE:
        return [*changes.assigned(scope.query)]
    if scope.command == INSERT:
        return [*changes.inserted(scope.query), *changes.conflicting()]
    return [fault for one in actions(scope) for fault in changes.merged(one)]


def assigned_tags(binding: "Binding", node: Node, listed: str = "targetList") -> dict[int, Tags]:
    """Return what the values are that columns get."""
    return {column: binding.tags(value) for column, value in _values(node, listed).items()}


class _Changes(NamedTuple):
    """What a statement writes into a table that is a tenant's."""

    binding: "Binding"
    owned: "Owned"
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
        if conflict is None or conflict.number("action") != _DO_UPDATE:
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
        if command == INSERT:
            yield from self.inserted(action)
        elif command in {UPDATE, DELETE}:
            met = conclude(self.binding, action_conditions(scope, action), scope.target)
            if status(ownership, self.relation, met) is not False:
                message = (
                    f"{self.name} is merged into where a row may be another tenant's; "
                    "bind it in `on`, or in the `and` of a `when not matched by source`"
                )
                yield Crossing("write", self.name, message)
            yield from self.assigned(action) if command == UPDATE else ()

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


def _leads(ownership: "Ownership", reference: "Reference", tags: Mapping[int, Tags]) -> bool:
    """Say whether a foreign key leads to a row of the tenant's own."""
    return reached(ownership, reference, tags) is False


def _pairs(reference: "Reference") -> set[tuple[int, int, int]]:
    pairs = zip(reference.columns, reference.keys, strict=True)
    return {(reference.parent, column, key) for column, key in pairs}


def _values(node: Node, listed: str = "targetList") -> dict[int, Node]:
    return {
        one.number("resno"): one.needed("expr")
        for one in node.children(listed)
        if not one.flag("resjunk")
    }
