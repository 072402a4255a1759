"""Find the tables whose rows belong to tenants, by a column or by what they refer to."""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import LiteralString, NamedTuple

from dbkit.analysis import Catalog, RelKind


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


class Ownership:
    """The tables of a database whose rows belong to tenants, and what equality means in them."""

    def __init__(self, catalog: Catalog, tenant: str) -> None:
        self.catalog = catalog
        self.tenant = tenant
        self._tables = _read_tables(catalog, tenant)
        self._families: dict[int, int] = {}
        self._equalities: dict[tuple[int, int], bool] = {}
        self._collations: dict[int, bool] = {}
        self._opaque: dict[int, bool] = {}

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

    def is_opaque(self, function: int) -> bool:
        """Say whether a function may read or write tables that the analysed query does not show."""
        if function not in self._opaque:
            self._opaque[function] = bool(self.catalog.rows(_OPAQUE, function, _RUNS_SQL)[0][0])
        return self._opaque[function]

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


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


# functions of PostgreSQL and its extensions that run a query given as text, or that read a table
# given by its name
_RUNS_SQL = [
    "connectby", "crosstab", "crosstab2", "crosstab3", "crosstab4", "cursor_to_xml",
    "database_to_xml", "database_to_xml_and_xmlschema", "dblink", "dblink_exec", "dblink_fetch",
    "dblink_open", "dblink_send_query", "query_to_xml", "query_to_xml_and_xmlschema",
    "schema_to_xml", "schema_to_xml_and_xmlschema", "table_to_xml",
    "table_to_xml_and_xmlschema", "ts_rewrite", "ts_stat", "xpath_table",
]  # fmt: skip

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

# an aggregate is as opaque as the functions it calls; an immutable function reads no table, and a
# function in C is believed to be an extension's; oids from 16384 on are not PostgreSQL's own
_OPAQUE: LiteralString = """
select
    pg_catalog.bool_or(
        called.provolatile <> 'i'
        and called.prokind <> 'a'
        and (
            called.proname = any($2::text[])
            or (called.oid >= 16384 and language.lanname not in ('c', 'internal'))
        )
    )
from pg_catalog.pg_proc as called
join pg_catalog.pg_language as language on language.oid = called.prolang
where
    called.oid = $1
    or called.oid in (
        select pg_catalog.unnest(array[aggtransfn, aggfinalfn, aggmtransfn, aggmfinalfn])
        from pg_catalog.pg_aggregate
        where aggfnoid = $1
    )
"""
