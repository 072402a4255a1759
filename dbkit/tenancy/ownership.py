"""Find the tables whose rows belong to tenants, by a column or by what they refer to."""

from collections import defaultdict
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import LiteralString, NamedTuple

from dbkit.analysis import FIRST_NORMAL_OBJECT_ID, Catalog, Node, RelKind, conjuncts, read_nodes
from dbkit.tenancy.failing import Failing
from dbkit.tenancy.harmless import (
    HARMLESS_CATALOGS,
    HARMLESS_FUNCTIONS,
    HARMLESS_OF_EXTENSIONS,
)


class ForeignKey(NamedTuple):
    """The columns of a table that refer to a row of a parent table."""

    columns: tuple[int, ...]
    parent: int
    parent_columns: tuple[int, ...]


class _DeclaredKey(NamedTuple):
    """A foreign key, and what its declaration says about it."""

    relation: int
    foreign_key: ForeignKey
    # none of its columns may be null
    is_required: bool
    # it is checked at every moment, and was checked for the rows that are older than it
    is_checked: bool

    @property
    def is_owning(self) -> bool:
        """Whether each row belongs to the tenant of the row that it refers to."""
        return self.is_required and self.foreign_key.parent != self.relation


@dataclass(frozen=True, slots=True)
class TenantTable:
    """A table whose rows belong to tenants."""

    # the column that holds the tenant, 0 if there is none
    column: int
    # the column may be null, and then the row is global: it belongs to no tenant
    may_be_global: bool
    # without such a column, the foreign keys through which a row belongs to a tenant
    owning_keys: tuple[ForeignKey, ...] = ()
    # foreign keys to tables of tenants that are true of every row, unless they are null
    checked_keys: tuple[ForeignKey, ...] = ()


class Reach(IntEnum):
    """What a function may read or change besides its arguments."""

    # at most the clock, its session and what is declared
    NOTHING = 0
    # tables, which its body does not show
    TABLES = 1
    # what the server has for all: settings, files, large objects, statistics
    SERVER = 2


class Ownership:
    """The tables of a database whose rows belong to tenants, and what equality means in them."""

    def __init__(self, catalog: Catalog, tenant: str) -> None:
        self.catalog = catalog
        self.tenant = tenant
        self._tables = _read_tables(catalog, tenant)
        self._families: dict[int, int] = {}
        self._equalities: dict[tuple[int, int], bool] = {}
        self._collations: dict[int, bool] = {}
        self.failing = Failing(catalog)
        self._shielded: dict[int, bool] = {}
        self._reach: dict[int, Reach] = {}
        self._shows_server: dict[int, bool] = {}

    def table(self, relation: int) -> TenantTable | None:
        """Return how the rows of a table belong to tenants, None if they belong to none."""
        return self._tables.get(relation)

    def parents(self, relation: int) -> list[str]:
        """Return the names of the tables through which the rows of a table belong to tenants."""
        owning_keys = self._tables[relation].owning_keys
        return sorted({self.catalog.relation(key.parent).name for key in owning_keys})

    def operator_family(self, type_oid: int) -> int:
        """Return the operator family by which a type is compared, 0 if there is none."""
        if type_oid not in self._families:
            rows = self.catalog.rows(_FAMILY, type_oid)
            self._families[type_oid] = int(rows[0][0]) if rows else 0
        return self._families[type_oid]

    def is_equality(self, operator: int, collation: int, *types: int) -> bool:
        """Say whether an operator is the `=` of each of these types.

        The `=` of another type may find values equal that are not: that of citext ignores case.
        """
        return self.is_exact(collation) and all(
            self._is_equality(operator, self.operator_family(type_oid)) for type_oid in types
        )

    def is_exact(self, collation: int) -> bool:
        """Say whether only the same text is equal in a collation."""
        if collation not in self._collations:
            rows = self.catalog.rows(_COLLATION, collation) if collation else [(True,)]
            self._collations[collation] = bool(rows and rows[0][0])
        return self._collations[collation]

    def is_plain(self, relation: int) -> bool:
        """Say whether the keys of a table are true of all rows that a query of it reads.

        They are not true of the rows of child tables.
        """
        table = self.catalog.relation(relation)
        return table.kind == RelKind.PARTITIONED_TABLE or (
            table.kind == RelKind.RELATION and not table.has_children
        )

    def unique_keys(self, relation: int) -> list[tuple[int, ...]]:
        """Return the columns of each unique key of a table."""
        if not self.is_plain(relation):
            return []
        indexes = self.catalog.unique_indexes(relation)
        return [
            index.attributes
            for index in indexes
            if not index.condition and 0 not in index.attributes
        ]

    def conflicts_exactly(self, relation: int, column: int) -> bool:
        """Say whether rows that conflict in a unique key have the same value in a column of it."""
        family = self.operator_family(self.catalog.relation(relation).attributes[column].type)
        return all(
            self.is_exact(index.collations[position])
            and any(self._is_equality(operator, family) for operator in index.equalities[position])
            for index in self.catalog.unique_indexes(relation)
            for position, attribute in enumerate(index.attributes)
            if attribute == column
        )

    def constraint_columns(self, constraint: int) -> tuple[int, ...]:
        """Return the columns of a constraint."""
        return _numbers(str(self.catalog.rows(_CONSTRAINT_COLUMNS, constraint)[0][0]))

    def is_shielded(self, relation: int) -> bool:
        """Say whether row-level security keeps a table to the tenant for the role that asks.

        What is not leakproof then runs on no other row.
        """
        if relation not in self._shielded:
            table = self._tables.get(relation)
            column = table.column if table else 0
            policies = self.catalog.rows(_POLICIES, relation) if column else [(False, True, "")]
            binding = [
                (is_permissive, self._binds(qual, column))
                for is_active, is_permissive, qual in policies
                if is_active
            ]
            restricted = any(binds for is_permissive, binds in binding if not is_permissive)
            permitted = [binds for is_permissive, binds in binding if is_permissive]
            self._shielded[relation] = restricted or (bool(permitted) and all(permitted))
        return self._shielded[relation]

    def _binds(self, qual: str, column: int) -> bool:
        """Say whether a policy finds the tenant's column equal to what no row says."""
        for condition in conjuncts(read_nodes(qual)[0]) if qual else []:
            arguments = condition.children("args")
            for side, other in (arguments, arguments[::-1]) if condition.kind == "OPEXPR" else ():
                is_column = side.kind == "VAR" and side.number("varattno") == column
                is_fixed = not any(node.kind in {"VAR", "SUBLINK"} for node in other.walk())
                operator, collation = condition.number("opno"), condition.number("inputcollid")
                if (
                    is_column
                    and is_fixed
                    and self.is_equality(operator, collation, side.number("vartype"))
                ):
                    return True
        return False

    def functions(self, node: Node) -> list[int]:
        """Return the functions that a node calls, also those behind the operators that it names."""
        operators = [*node.numbers("opnos"), node.number("eqop"), node.number("sortop")]
        return [*node.functions(), *map(self.catalog.function_of, filter(None, operators))]

    def reach(self, function: int) -> Reach:
        """Say what a function may read or change besides its arguments."""
        if function not in self._reach:
            reaches = [_reach(*row) for row in self.catalog.rows(_CALLED, function)]
            self._reach[function] = max(reaches, default=Reach.NOTHING)
        return self._reach[function]

    def shows_server(self, relation: int) -> bool:
        """Say whether a relation shows what is not a tenant's: statistics, others' statements."""
        if relation not in self._shows_server:
            [(kind, schema)] = self.catalog.rows(_PLACE, relation)
            name = self.catalog.relation(relation).name
            is_declared = relation >= FIRST_NORMAL_OBJECT_ID or schema == "information_schema"
            is_held_for_all = kind in {RelKind.SEQUENCE, RelKind.TOASTVALUE}
            is_unknown = not is_declared and name not in HARMLESS_CATALOGS
            self._shows_server[relation] = is_held_for_all or is_unknown
        return self._shows_server[relation]

    def _is_equality(self, operator: int, family: int) -> bool:
        key = (operator, family)
        if key not in self._equalities:
            self._equalities[key] = bool(self.catalog.rows(_EQUALITY, operator, family))
        return self._equalities[key]


def _read_tables(catalog: Catalog, tenant: str) -> dict[int, TenantTable]:
    """Return the tables of tenants by their oids.

    They are the tables that have the tenant's column, the table that this column refers to (the
    table of the tenants themselves), and all tables whose rows have to refer to one of these.
    """
    keys = [
        _DeclaredKey(
            relation,
            ForeignKey(_numbers(columns), parent, _numbers(parent_columns)),
            is_required,
            is_checked,
        )
        for relation, columns, parent, parent_columns, is_required, is_checked in catalog.rows(
            _FOREIGN_KEYS
        )
    ]
    with_column = {
        relation: TenantTable(column, may_be_global=not required)
        for relation, column, required in catalog.rows(_COLUMNS, tenant)
    }
    tenants = {
        key.foreign_key.parent: TenantTable(key.foreign_key.parent_columns[0], may_be_global=False)
        for key in keys
        if key.relation in with_column
        and key.foreign_key.columns == (with_column[key.relation].column,)
    }
    by_column = {**tenants, **with_column}
    relations = _with_dependents(set(by_column), keys)
    grouped: defaultdict[int, list[_DeclaredKey]] = defaultdict(list)
    for key in keys:
        if key.relation in relations and key.foreign_key.parent in relations:
            grouped[key.relation].append(key)
    tables: dict[int, TenantTable] = {}
    for relation in relations:
        table = by_column.get(relation, TenantTable(0, may_be_global=False))
        owning_keys = [key.foreign_key for key in grouped[relation] if key.is_owning]
        checked_keys = [key.foreign_key for key in grouped[relation] if key.is_checked]
        tables[relation] = replace(
            table,
            owning_keys=() if table.column else tuple(owning_keys),
            checked_keys=tuple(checked_keys),
        )
    return tables


def _with_dependents(relations: set[int], keys: list[_DeclaredKey]) -> set[int]:
    """Add the tables whose rows belong to tenants through a row that they have to refer to.

    The parent may itself belong to a tenant only through its own parent, and so on.
    """
    while (
        dependents := {
            key.relation for key in keys if key.is_owning and key.foreign_key.parent in relations
        }
        - relations
    ):
        relations |= dependents
    return relations


def _reach(name: str, is_builtin: bool, is_compiled: bool, extension: str) -> Reach:
    if is_builtin:
        return Reach.NOTHING if name in HARMLESS_FUNCTIONS else Reach.SERVER
    if extension or is_compiled:
        is_harmless = name in HARMLESS_OF_EXTENSIONS.get(extension, ())
        return Reach.NOTHING if is_harmless else Reach.SERVER
    return Reach.TABLES


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


# oids from 16384 on are not PostgreSQL's own
_COLUMNS: LiteralString = """
select
    attribute.attrelid,
    attribute.attnum,
    attribute.attnotnull
from pg_catalog.pg_attribute as attribute
join pg_catalog.pg_class as relation on relation.oid = attribute.attrelid
where
    attribute.attname = $1
    and attribute.attnum > 0
    and not attribute.attisdropped
    and relation.relkind in ('r', 'p', 'f')
    and relation.oid >= 16384
"""

_FOREIGN_KEYS: LiteralString = """
select
    declared.conrelid,
    pg_catalog.array_to_string(declared.conkey, ','),
    declared.confrelid,
    pg_catalog.array_to_string(declared.confkey, ','),
    (
        select pg_catalog.bool_and(attnotnull)
        from pg_catalog.pg_attribute
        where attrelid = declared.conrelid and attnum = any(declared.conkey)
    ),
    declared.convalidated and not declared.condeferrable
from pg_catalog.pg_constraint as declared
where
    declared.contype = 'f'
    -- since 18 a foreign key may be declared `not enforced`
    and coalesce((pg_catalog.to_jsonb(declared) ->> 'conenforced')::boolean, true)
order by declared.conrelid, declared.conname
"""

_CONSTRAINT_COLUMNS: LiteralString = """
select pg_catalog.array_to_string(conkey, ',')
from pg_catalog.pg_constraint
where oid = $1
"""

# a domain is compared as its base type, a varchar as text, and an enum as any enum
_FAMILY: LiteralString = """
with recursive layer as (
    select oid, typbasetype, typtype
    from pg_catalog.pg_type
    where oid = $1
    union all
    select base.oid, base.typbasetype, base.typtype
    from layer
    join pg_catalog.pg_type as base on base.oid = layer.typbasetype
)
select class.opcfamily
from layer
join pg_catalog.pg_opclass as class
    on class.opcintype = case
        when layer.oid = 'pg_catalog.varchar'::regtype then 'pg_catalog.text'::regtype::oid
        when layer.typtype = 'e' then 'pg_catalog.anyenum'::regtype::oid
        else layer.oid
    end
where
    layer.typtype <> 'd'
    and class.opcmethod = (select oid from pg_catalog.pg_am where amname = 'btree')
    and class.opcdefault
"""

# strategy 3 of a btree is the operator =
_EQUALITY: LiteralString = """
select true
from pg_catalog.pg_amop
where amopopr = $1 and amopfamily = $2 and amopstrategy = 3
"""

_COLLATION: LiteralString = "select collisdeterministic from pg_catalog.pg_collation where oid = $1"

# of the role that asks, for what it selects
_POLICIES: LiteralString = """
select
    pg_catalog.row_security_active(policy.polrelid),
    policy.polpermissive,
    coalesce(policy.polqual::text, '')
from pg_catalog.pg_policy as policy
where
    policy.polrelid = $1
    and policy.polcmd in ('*', 'r')
    and (
        policy.polroles = '{0}'
        or exists (
            select
            from pg_catalog.unnest(policy.polroles) as member (role)
            where pg_catalog.pg_has_role(current_user, member.role, 'usage')
        )
    )
"""

# an aggregate does what the functions do that it calls; an immutable function reads nothing
_CALLED: LiteralString = """
select
    called.proname,
    called.oid < 16384,
    called.oid >= 16384 and language.lanname in ('c', 'internal'),
    coalesce(extension.extname, '')
from pg_catalog.pg_proc as called
join pg_catalog.pg_language as language on language.oid = called.prolang
left join pg_catalog.pg_depend as part
    on part.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    and part.objid = called.oid
    and part.deptype = 'e'
left join pg_catalog.pg_extension as extension on extension.oid = part.refobjid
where
    called.provolatile <> 'i'
    and called.prokind <> 'a'
    and (
        called.oid = $1
        or called.oid in (
            select pg_catalog.unnest(
                array[aggtransfn, aggfinalfn, aggmtransfn, aggmfinalfn, aggcombinefn]
            )
            from pg_catalog.pg_aggregate
            where aggfnoid = $1
        )
    )
"""

# the rows of large values are in a schema of their own
_PLACE: LiteralString = """
select
    relation.relkind::text,
    schema.nspname
from pg_catalog.pg_class as relation
join pg_catalog.pg_namespace as schema on schema.oid = relation.relnamespace
where relation.oid = $1
"""
