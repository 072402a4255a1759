"""Ask the server which policies bind the role of the application, and which rights it lacks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, LiteralString, NamedTuple

from dbkit.analysis import FIRST_NORMAL_OBJECT_ID, Catalog, Node

# the rights that a statement needs on a relation, as its analysed tree has them, with the field of
# the columns that they may be for; `for update` needs `update`, and names no column
_RIGHTS = (
    (1 << 1, "select", "selectedCols"),
    (1 << 0, "insert", "insertedCols"),
    (1 << 2, "update", "updatedCols"),
    (1 << 3, "delete", ""),
)
# the number of a column in a set of columns, less its number in the table: there are system columns
_FIRST_COLUMN = 7
_ROLE: LiteralString = """
select role.rolname::text, role.rolsuper, role.rolbypassrls
from pg_catalog.pg_roles as role
where role.rolname = coalesce($1::text, current_user::text)
"""
_UNBOUND: LiteralString = """
select relation.oid::pg_catalog.regclass::text
from pg_catalog.pg_class as relation
join pg_catalog.pg_roles as role on role.rolname = $1
where
    relation.relrowsecurity
    and relation.relkind in ('r', 'p')
    and (
        role.rolsuper
        or role.rolbypassrls
        or (
            not relation.relforcerowsecurity
            and pg_catalog.pg_has_role(role.oid, relation.relowner, 'usage')
        )
    )
order by 1
"""
_ON_RELATION: LiteralString = """
select
    relation.oid::pg_catalog.regclass::text,
    namespace.nspname::text,
    pg_catalog.has_schema_privilege($1, namespace.oid, 'usage'),
    case
        when pg_catalog.has_table_privilege($1, relation.oid, $3) then true
        when $3 = 'delete' then false
        when pg_catalog.cardinality($4::integer[]) > 0 then null
        else pg_catalog.has_any_column_privilege($1, relation.oid, $3)
    end,
    array(
        select attribute.attname::text
        from pg_catalog.pg_attribute as attribute
        where
            $3 <> 'delete'
            and attribute.attrelid = relation.oid
            and not attribute.attisdropped
            and (
                attribute.attnum = any ($4::integer[])
                or (0 = any ($4::integer[]) and attribute.attnum > 0)
            )
            and not pg_catalog.has_column_privilege($1, relation.oid, attribute.attnum, $3)
        order by attribute.attnum
    )
from pg_catalog.pg_class as relation
join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
where relation.oid = $2::oid
"""
# what a default calls that a row without the column needs; an identity column needs no right
_SEQUENCES: LiteralString = """
select sequence.oid::pg_catalog.regclass::text
from pg_catalog.pg_attrdef as definition
join pg_catalog.pg_depend as entry
    on entry.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    and entry.objid = definition.oid
    and entry.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
join pg_catalog.pg_class as sequence on sequence.oid = entry.refobjid
where
    definition.adrelid = $2::oid
    and definition.adnum <> all ($3::integer[])
    -- in the order that is written: of a table it cannot be asked
    and case
        when sequence.relkind = 'S'
            then not pg_catalog.has_sequence_privilege($1, sequence.oid, 'usage, update')
        else false
    end
order by 1
"""
_ON_FUNCTION: LiteralString = """
select
    routine.oid::pg_catalog.regprocedure::text,
    namespace.nspname::text,
    pg_catalog.has_schema_privilege($1, namespace.oid, 'usage'),
    pg_catalog.has_function_privilege($1, routine.oid, 'execute')
from pg_catalog.pg_proc as routine
join pg_catalog.pg_namespace as namespace on namespace.oid = routine.pronamespace
where routine.oid = $2::oid
"""


class ApplicationRole(NamedTuple):
    """The role that the application runs as, and the tables whose policies do not bind it."""

    name: str
    # whether the settings name it, and whether the server has it
    is_set: bool
    exists: bool = True
    # why it stands above all policies, "" if it does not
    above: str = ""
    unbound: tuple[str, ...] = ()


def application_role(catalog: Catalog, name: str | None) -> ApplicationRole:
    """Return the role that the settings name, or the one that is connected."""
    rows = catalog.rows(_ROLE, name)
    if not rows:
        return ApplicationRole(name or "", is_set=name is not None, exists=False)
    [(found, is_superuser, has_bypass)] = rows
    above = "is a superuser" if is_superuser else "has bypassrls" if has_bypass else ""
    unbound = tuple(table for (table,) in catalog.rows(_UNBOUND, found))
    return ApplicationRole(found, name is not None, above=above, unbound=unbound)


@dataclass
class RoleRights:
    """Finds which rights a role lacks for what statements do."""

    catalog: Catalog
    role: str
    # what was found of a relation, a right and its columns, and of a function
    _known: dict[tuple[object, ...], tuple[str, ...]] = field(
        default_factory=dict[tuple[object, ...], tuple[str, ...]]
    )

    def lacking(self, query: Node) -> Iterator[str]:
        """Yield each right that the role lacks for a statement, as in "select on orders"."""
        for node in query.walk():
            if "requiredPerms" in node and node.number("relid"):
                yield from self._on_relation(node)
            for function in node.functions():
                if function >= FIRST_NORMAL_OBJECT_ID:
                    yield from self._keep(("function", function), self._on_function, function)

    def _on_relation(self, node: Node) -> Iterator[str]:
        relation, needed = node.number("relid"), node.number("requiredPerms")
        for bit, right, name in _RIGHTS:
            if needed & bit:
                columns = tuple(number - _FIRST_COLUMN for number in node.numbers(name))
                key = relation, right, columns
                yield from self._keep(key, self._of_relation, *key)

    def _keep(self, key: tuple[object, ...], ask: Any, *given: Any) -> tuple[str, ...]:  # noqa: ANN401 - each question has its own
        if key not in self._known:
            self._known[key] = tuple(ask(*given))
        return self._known[key]

    def _of_relation(self, relation: int, right: str, columns: tuple[int, ...]) -> Iterator[str]:
        rows = self.catalog.rows(_ON_RELATION, self.role, relation, right, list(columns))
        for shown, schema, may_use, may_all, missing in rows:
            if not may_use:
                yield f"usage on schema {schema}"
            if may_all is False:
                yield f"{right} on {shown}"
            elif may_all is None and missing:
                yield f"{right} ({', '.join(missing)}) on {shown}"
        if right == "insert":
            asked = self.catalog.rows(_SEQUENCES, self.role, relation, list(columns))
            yield from (f"usage on sequence {sequence}" for (sequence,) in asked)

    def _on_function(self, function: int) -> Iterator[str]:
        for shown, schema, may_use, may in self.catalog.rows(_ON_FUNCTION, self.role, function):
            if not may_use:
                yield f"usage on schema {schema}"
            if not may:
                yield f"execute on function {shown}"
