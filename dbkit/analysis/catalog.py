"""What the system catalog says about relations, functions, operators and types."""

from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import tuple_row

from dbkit.analysis.knownnodes import unknown_part
from dbkit.analysis.nodes import Node, read_nodes
from dbkit.analysis.oids import FIRST_GENBKI_OBJECT_ID
from dbkit.analysis.vocabulary import RelKind

# relations of these kinds refuse a NULL in a `not null` column of every row they store
_REFUSING_NULL = frozenset({RelKind.RELATION, RelKind.PARTITIONED_TABLE, RelKind.SEQUENCE})


class Attribute(NamedTuple):
    """A column of a relation."""

    name: str
    type: int
    # storing a NULL is refused
    required: bool
    # no row stored so far has a NULL, in any partition or child table
    proven: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, a view, or anything else that has columns."""

    name: str
    kind: str
    type: int
    attributes: dict[int, Attribute]
    has_children: bool
    # the commands of which a trigger may leave rows out: "insert", "update", "delete"
    may_skip: frozenset[str]
    # there are rules besides that of a view
    ruled: bool

    @property
    def is_table(self) -> bool:
        """Whether it is a table whose rows this server stores, in partitions or not."""
        return self.kind in {RelKind.RELATION, RelKind.PARTITIONED_TABLE}


@dataclass(frozen=True, slots=True)
class CatalogFunction:
    """What the declaration of a function says."""

    oid: int
    name: str
    strict: bool
    volatile: bool
    returns_set: bool

    @property
    def builtin(self) -> bool:
        """Whether it is part of PostgreSQL, so that PostgreSQL's documentation describes it."""
        return self.oid < FIRST_GENBKI_OBJECT_ID


class UniqueIndex(NamedTuple):
    """A unique index that is checked at every moment, so that no two rows share a key."""

    # for each column of the index, the number of the attribute, or 0 for an expression
    attributes: tuple[int, ...]
    expressions: list[Node]
    condition: list[Node]
    collations: tuple[int, ...]
    # for each column of the index, the operators that it takes for equality
    equalities: tuple[frozenset[int], ...]

    @property
    def is_known(self) -> bool:
        """Whether nothing stands in its expressions and its condition that is not known."""
        return not any(map(unknown_part, [*self.expressions, *self.condition]))


# built-in functions never change, so they are read once for a connection
_BUILTINS: WeakKeyDictionary[psycopg.Connection[Any], dict[int, CatalogFunction]] = (
    WeakKeyDictionary()
)


class Catalog:
    """The system catalog of a database; each fact is asked for once."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._relations: dict[int, Relation] = {}
        self._functions: dict[int, CatalogFunction] = {}
        self._builtins = _BUILTINS.setdefault(connection, {})
        self._views: dict[int, Node | None] = {}
        self._indexes: dict[int, list[UniqueIndex]] = {}
        self._domains: dict[int, bool] = {}
        self._asked: dict[tuple[str, int], list[tuple[Any, ...]]] = {}
        self._types_cast_by_users: frozenset[str] | None = None

    def rows(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Run a query and return its rows as tuples, whatever row factory the connection has."""
        cursor = psycopg.RawCursor(self._connection, row_factory=tuple_row)
        with cursor:
            return cursor.execute(query, values, prepare=False).fetchall()

    def once(self, query: LiteralString, oid: int) -> list[tuple[Any, ...]]:
        """Run a query about one object, and keep its rows."""
        if (query, oid) not in self._asked:
            self._asked[query, oid] = self.rows(query, oid)
        return self._asked[query, oid]

    def relation(self, oid: int) -> Relation:
        """Return a relation and its columns."""
        if oid not in self._relations:
            self._relations[oid] = self._read_relation(oid)
        return self._relations[oid]

    def function(self, oid: int) -> CatalogFunction:
        """Return a function, which may be that of an operator."""
        functions = self._builtins if oid < FIRST_GENBKI_OBJECT_ID else self._functions
        if oid not in functions:
            [row] = self.rows(_FUNCTION, oid)
            functions[oid] = CatalogFunction(oid, *row)
        return functions[oid]

    def operator_name(self, oid: int) -> str:
        """Return the name of an operator, such as `||`."""
        return str(self.rows(_OPERATOR, oid)[0][0])

    def refuses_null(self, domain: int) -> bool:
        """Say whether a domain, or a domain it is based on, is declared not null."""
        if domain not in self._domains:
            self._domains[domain] = bool(self.rows(_DOMAIN, domain)[0][0])
        return self._domains[domain]

    def types_cast_by_users(self) -> frozenset[str]:
        """Return the types that a function of a user casts to text, and the domains over them."""
        if self._types_cast_by_users is None:
            self._types_cast_by_users = frozenset(
                number for (number,) in self.rows(_TYPES_CAST_BY_USERS)
            )
        return self._types_cast_by_users

    def array_of(self, element: int) -> int:
        """Return the type of an array of an element type, 0 where there is none."""
        rows = self.rows("select typarray from pg_catalog.pg_type where oid = $1", element)
        return int(rows[0][0]) if rows else 0

    def is_row(self, type_oid: int) -> bool:
        """Say whether a type is that of rows, or a domain over one."""
        return bool(self.once(_ROW_TYPE, type_oid)[0][0])

    def view(self, oid: int) -> Node | None:
        """Return the query of a view, None where no rule says it or a part of it is not known."""
        if oid not in self._views:
            rows = self.rows(_VIEW, oid)
            query = read_nodes(str(rows[0][0]))[0] if rows else None
            self._views[oid] = None if query is None or unknown_part(query) else query
        return self._views[oid]

    def unique_indexes(self, oid: int) -> list[UniqueIndex]:
        """Return the unique indexes of a table that are checked at every moment."""
        if oid not in self._indexes:
            indexes = map(_index, self.rows(_INDEXES, oid))
            self._indexes[oid] = [index for index in indexes if index.is_known]
        return self._indexes[oid]

    def _read_relation(self, oid: int) -> Relation:
        [(name, kind, row_type, has_children, skips, ruled)] = self.rows(_RELATION, oid)
        attributes = {
            number: Attribute(column, type_oid, required, proven and kind in _REFUSING_NULL)
            for number, column, type_oid, required, proven in self.rows(_ATTRIBUTES, oid)
        }
        may_skip = frozenset(skips.split())
        return Relation(name, kind, row_type, attributes, has_children, may_skip, ruled)


def _index(row: tuple[str, ...]) -> UniqueIndex:
    attributes, collations, expressions, condition, equalities = row
    return UniqueIndex(
        tuple(map(int, attributes.split(","))),
        read_nodes(expressions) if expressions else [],
        read_nodes(condition) if condition else [],
        tuple(map(int, collations.split(","))),
        tuple(
            frozenset(int(operator) for operator in column.split(",") if operator)
            for column in equalities.split(";")
        ),
    )


_FUNCTION: LiteralString = """
select
    function.proname,
    function.proisstrict,
    function.provolatile = 'v',
    function.proretset
from pg_catalog.pg_proc as function
where function.oid = $1
"""

_OPERATOR: LiteralString = "select oprname from pg_catalog.pg_operator where oid = $1"

_DOMAIN: LiteralString = """
with recursive layer as (
    select typbasetype, typnotnull
    from pg_catalog.pg_type
    where oid = $1
    union all
    select base.typbasetype, base.typnotnull
    from layer
    join pg_catalog.pg_type as base on base.oid = layer.typbasetype
)
select pg_catalog.bool_or(typnotnull)
from layer
"""

_ROW_TYPE: LiteralString = """
with recursive layer as (
    select typbasetype, typtype, typname
    from pg_catalog.pg_type
    where oid = $1
    union all
    select base.typbasetype, base.typtype, base.typname
    from layer
    join pg_catalog.pg_type as base on base.oid = layer.typbasetype
)
select coalesce(pg_catalog.bool_or(typtype = 'c' or typname = 'record'), true)
from layer
"""

# functions with an oid from 10000 on are not PostgreSQL's own
_TYPES_CAST_BY_USERS: LiteralString = """
with recursive source as (
    select castsource as oid
    from pg_catalog.pg_cast
    where casttarget = 'pg_catalog.text'::pg_catalog.regtype and castfunc >= 10000
    union
    select domain.oid
    from source
    join pg_catalog.pg_type as domain on domain.typbasetype = source.oid
)
select oid::text
from source
"""

_VIEW: LiteralString = """
select ev_action::text
from pg_catalog.pg_rewrite
where ev_class = $1 and ev_type = '1' and is_instead
"""

_RELATION: LiteralString = """
select
    relation.relname,
    relation.relkind::text,
    relation.reltype,
    exists (
        select from pg_catalog.pg_inherits where inhparent = relation.oid
    ),
    -- bits of tgtype: row 1, before 2, insert 4, delete 8, update 16, instead of 64
    pg_catalog.concat_ws(
        ' ',
        case when pg_catalog.bool_or(fires.type & 4 <> 0) then 'insert' end,
        case when pg_catalog.bool_or(fires.type & 8 <> 0) then 'delete' end,
        case when pg_catalog.bool_or(fires.type & 16 <> 0) then 'update' end
    ),
    exists (
        select
        from pg_catalog.pg_rewrite
        where ev_class = relation.oid and ev_type <> '1'
    )
from pg_catalog.pg_class as relation
left join lateral (
    with recursive family as (
        select relation.oid
        union
        select inhrelid
        from family
        join pg_catalog.pg_inherits on inhparent = family.oid
    )
    select tgtype::integer as type
    from family
    join pg_catalog.pg_trigger on tgrelid = family.oid
    where not tgisinternal and tgtype & 1 <> 0 and tgtype & (2 | 64) <> 0
) as fires on true
where relation.oid = $1
group by relation.oid, relation.relname, relation.relkind, relation.reltype
"""

# before 18 a child table may drop not null; since 18 not null may be not valid or not inherited
_ATTRIBUTES: LiteralString = """
with recursive family as (
    select $1::oid as oid
    union
    select inhrelid
    from family
    join pg_catalog.pg_inherits on inhparent = family.oid
)
select
    attribute.attnum,
    attribute.attname,
    attribute.atttypid,
    attribute.attnotnull,
    attribute.attnotnull and not exists (
        select
        from family
        join pg_catalog.pg_class as child on child.oid = family.oid
        left join pg_catalog.pg_attribute as member
            on member.attrelid = family.oid and member.attname = attribute.attname
        where
            member.attnotnull is not true
            or child.relkind = 'f'
            or exists (
                select
                from pg_catalog.pg_constraint as declared
                where
                    declared.conrelid = family.oid
                    and declared.contype = 'n'
                    and member.attnum = any(declared.conkey)
                    and not declared.convalidated
            )
    )
from pg_catalog.pg_attribute as attribute
where attribute.attrelid = $1 and attribute.attnum > 0 and not attribute.attisdropped
order by attribute.attnum
"""

# strategy 3 of a btree is the operator =
_INDEXES: LiteralString = """
select
    pg_catalog.array_to_string((index.indkey::int2[])[0:index.indnkeyatts - 1], ','),
    pg_catalog.array_to_string((index.indcollation::oid[])[0:index.indnkeyatts - 1], ','),
    coalesce(index.indexprs::text, ''),
    coalesce(index.indpred::text, ''),
    (
        select
            pg_catalog.string_agg(
                (
                    select coalesce(pg_catalog.string_agg(amopopr::oid::text, ','), '')
                    from pg_catalog.pg_amop
                    where amopfamily = class.opcfamily and amopstrategy = 3
                ),
                ';' order by part.position
            )
        from pg_catalog.unnest(index.indclass::oid[]) with ordinality as part (oid, position)
        join pg_catalog.pg_opclass as class on class.oid = part.oid
    )
from pg_catalog.pg_index as index
join pg_catalog.pg_class as relation on relation.oid = index.indexrelid
where
    index.indrelid = $1
    and index.indisunique
    and index.indisvalid
    and index.indimmediate
    and not index.indisexclusion
    and relation.relam = (select oid from pg_catalog.pg_am where amname = 'btree')
order by index.indnkeyatts, index.indexrelid
"""
