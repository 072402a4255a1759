"""Which tables are a tenant's: by a column of their own, or by the tables they must refer to."""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import LiteralString, NamedTuple

from dbkit.analysis import Catalog, RelKind


class Reference(NamedTuple):
    """A foreign key: which columns name which row of another table."""

    columns: tuple[int, ...]
    parent: int
    keys: tuple[int, ...]


class _Key(NamedTuple):
    """A foreign key of a table."""

    relation: int
    reference: Reference
    required: bool
    # checked at every moment, and for the rows from before as well
    holds: bool

    @property
    def owns(self) -> bool:
        """Whether it says of every row whose it is."""
        return self.required and self.reference.parent != self.relation


@dataclass(frozen=True, slots=True)
class Owned:
    """What makes the rows of a table a tenant's."""

    # the column that is the tenant; 0 where the rows it refers to say whose it is
    column: int
    # without a tenant, a row belongs to all of them
    may_be_global: bool
    # foreign keys that are never null, to tables that are a tenant's; only where there is no column
    references: tuple[Reference, ...]
    # foreign keys to such tables that every row there is keeps, unless it is null
    links: tuple[Reference, ...] = ()


class Ownership:
    """The tables of a database that are a tenant's, and what equality means to their columns."""

    def __init__(self, catalog: Catalog, tenant: str) -> None:
        self.catalog = catalog
        self.tenant = tenant
        self._tables = _read_tables(catalog, tenant)
        self._families: dict[int, int] = {}
        self._equalities: dict[tuple[int, int], bool] = {}
        self._collations: dict[int, bool] = {}
        self._opaque: dict[int, bool] = {}

    def of(self, relation: int) -> Owned | None:
        """Return what makes a table a tenant's, None where it is everybody's."""
        return self._tables.get(relation)

    def parents(self, relation: int) -> list[str]:
        """Return the names of the tables through which another one is a tenant's."""
        owned = self._tables[relation]
        return sorted({self.catalog.relation(one.parent).name for one in owned.references})

    def family(self, type_oid: int) -> int:
        """Return what says how a type compares, 0 where it cannot be said."""
        if type_oid not in self._families:
            found = self.catalog.rows(_FAMILY, type_oid)
            self._families[type_oid] = int(found[0][0]) if found else 0
        return self._families[type_oid]

    def is_equality(self, operator: int, collation: int, *types: int) -> bool:
        """Say whether an operator is `=` as each of these types itself means it.

        Another type's may take for equal what this one does not: citext's does, on a text.
        """
        return self.is_exact(collation) and all(
            self._is_equality(operator, self.family(one)) for one in types
        )

    def is_exact(self, collation: int) -> bool:
        """Say whether a collation holds only the same text for equal."""
        if collation not in self._collations:
            found = self.catalog.rows(_COLLATION, collation) if collation else [(True,)]
            self._collations[collation] = bool(found and found[0][0])
        return self._collations[collation]

    def is_plain(self, relation: int) -> bool:
        """Say whether a key of a table is one of all the rows that a query of it reads."""
        table = self.catalog.relation(relation)
        return table.kind == RelKind.PARTITIONED_TABLE or (
            table.kind == RelKind.RELATION and not table.has_children
        )

    def keys(self, relation: int) -> list[tuple[int, ...]]:
        """Return the columns of which no two rows of a table have the same values."""
        if not self.is_plain(relation):
            return []
        indexes = self.catalog.unique_indexes(relation)
        return [one.attributes for one in indexes if not one.condition and 0 not in one.attributes]

    def conflicts_exactly(self, relation: int, column: int) -> bool:
        """Say whether rows that conflict in a unique key have the very same value in a column."""
        family = self.family(self.catalog.relation(relation).attributes[column].type)
        return all(
            self.is_exact(index.collations[place])
            and any(self._is_equality(one, family) for one in index.equalities[place])
            for index in self.catalog.unique_indexes(relation)
            for place, attribute in enumerate(index.attributes)
            if attribute == column
        )

    def constrained(self, constraint: int) -> tuple[int, ...]:
        """Return the columns of a constraint."""
        return _numbers(str(self.catalog.rows(_CONSTRAINED, constraint)[0][0]))

    def is_opaque(self, function: int) -> bool:
        """Say whether a function may read or write tables where the tree does not show it."""
        if function not in self._opaque:
            self._opaque[function] = bool(self.catalog.rows(_OPAQUE, function, _RUNS_SQL)[0][0])
        return self._opaque[function]

    def _is_equality(self, operator: int, family: int) -> bool:
        key = (operator, family)
        if key not in self._equalities:
            self._equalities[key] = bool(self.catalog.rows(_EQUALITY, operator, family))
        return self._equalities[key]


def _read_tables(catalog: Catalog, tenant: str) -> dict[int, Owned]:
    """Find the tables with the column, those it refers to, and what must refer to either."""
    keys = [
        _Key(relation, Reference(_numbers(columns), parent, _numbers(parent_keys)), *said)
        for relation, columns, parent, parent_keys, *said in catalog.rows(_REFERENCES)
    ]
    with_column = {
        relation: Owned(column, not required, ())
        for relation, column, required in catalog.rows(_COLUMNS, tenant)
    }
    roots = {
        key.reference.parent: Owned(key.reference.keys[0], may_be_global=False, references=())
        for key in keys
        if key.relation in with_column
        and key.reference.columns == (with_column[key.relation].column,)
    }
    known = {**roots, **with_column}
    names = set(known)
    # a table may be a tenant's through one that is so itself only through another
    while (
        found := {key.relation for key in keys if key.owns and key.reference.parent in names}
        - names
    ):
        names |= found
    grouped: defaultdict[int, list[_Key]] = defaultdict(list)
    for key in keys:
        if key.relation in names and key.reference.parent in names:
            grouped[key.relation].append(key)
    tables: dict[int, Owned] = {}
    for relation in names:
        owned = known.get(relation, Owned(0, may_be_global=False, references=()))
        paths = () if owned.column else (one.reference for one in grouped[relation] if one.owns)
        links = (one.reference for one in grouped[relation] if one.holds)
        tables[relation] = replace(owned, references=tuple(paths), links=tuple(links))
    return tables


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


# PostgreSQL's own and its extensions' that run the text of a query, or read a table by its name
_RUNS_SQL = [
    "connectby", "crosstab", "crosstab2", "crosstab3", "crosstab4", "cursor_to_xml",
    "database_to_xml", "database_to_xml_and_xmlschema", "dblink", "dblink_exec", "dblink_fetch",
    "dblink_open", "dblink_send_query", "query_to_xml", "query_to_xml_and_xmlschema",
    "schema_to_xml", "schema_to_xml_and_xmlschema", "table_to_xml",
    "table_to_xml_and_xmlschema", "ts_rewrite", "ts_stat", "xpath_table",
]  # fmt: skip

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

_REFERENCES: LiteralString = """
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
    -- since 18 one may be told and never checked
    and coalesce((pg_catalog.to_jsonb(declared) ->> 'conenforced')::boolean, true)
order by declared.conrelid, declared.conname
"""

_CONSTRAINED: LiteralString = """
select pg_catalog.array_to_string(conkey, ',')
from pg_catalog.pg_constraint
where oid = $1
"""

# what a domain is made of is what compares; a varchar is compared as text, an enum as any enum
_FAMILY: LiteralString = """
with recursive of as (
    select oid, typbasetype, typtype
    from pg_catalog.pg_type
    where oid = $1
    union all
    select base.oid, base.typbasetype, base.typtype
    from of
    join pg_catalog.pg_type as base on base.oid = of.typbasetype
)
select class.opcfamily
from of
join pg_catalog.pg_opclass as class
    on class.opcintype = case
        when of.oid = 'pg_catalog.varchar'::regtype then 'pg_catalog.text'::regtype::oid
        when of.typtype = 'e' then 'pg_catalog.anyenum'::regtype::oid
        else of.oid
    end
where
    of.typtype <> 'd'
    and class.opcmethod = (select oid from pg_catalog.pg_am where amname = 'btree')
    and class.opcdefault
"""

_EQUALITY: LiteralString = """
select true
from pg_catalog.pg_amop
where amopopr = $1 and amopfamily = $2 and amopstrategy = 3
"""

_COLLATION: LiteralString = "select collisdeterministic from pg_catalog.pg_collation where oid = $1"

# an aggregate is what its functions are; what is immutable reads no table, and C is an extension's
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
