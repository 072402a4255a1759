"""PostgreSQL's types, and the types they are made of, as pg_type describes them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString, NamedTuple
from weakref import WeakKeyDictionary

import psycopg

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.dimensions import with_dimensions
from dbkit.pgtypes import PgType, TypeKind

_KINDS = {
    "array": TypeKind.ARRAY,
    "b": TypeKind.BASE,
    "c": TypeKind.COMPOSITE,
    "d": TypeKind.DOMAIN,
    "e": TypeKind.ENUM,
    "m": TypeKind.MULTIRANGE,
    "p": TypeKind.PSEUDO,
    "r": TypeKind.RANGE,
}


class _TypeRow(NamedTuple):
    """A type as the catalog has it; the types that it is made of by their oids."""

    schema: str
    name: str
    kind: TypeKind
    of: int
    # how many dimensions a domain over an array is declared with
    dimensions: int
    labels: tuple[str, ...]
    # the name, the type and the declared dimensions of each
    fields: tuple[tuple[str, int, int], ...]
    is_cast_to_json: bool


class _KnownTypes:
    """What is known of the types of one connection."""

    def __init__(self) -> None:
        self.rows: dict[int, _TypeRow] = {}
        self.types: dict[int, PgType] = {}


_KNOWN: WeakKeyDictionary[psycopg.Connection[Any], _KnownTypes] = WeakKeyDictionary()


class TypeCatalog:
    """The types of one connection; each is asked for once while the connection lasts."""

    def __init__(self, connection: psycopg.Connection[Any], catalog: Catalog) -> None:
        self._known = _KNOWN.setdefault(connection, _KnownTypes())
        self._catalog = catalog

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked yet, so that `COMMON_TYPES` would be of use."""
        return not self._known.rows

    def keep(self, rows: Iterable[Sequence[Any]]) -> None:
        """Keep the rows that `COMMON_TYPES` gives."""
        for oid, schema, name, kind, of, dimensions, labels, fields, is_cast in rows:
            self._known.rows[int(oid)] = _TypeRow(
                schema,
                name,
                _KINDS[kind],
                int(of),
                int(dimensions),
                tuple(json.loads(labels)),
                tuple(
                    (field, int(type_oid), number) for field, type_oid, number in json.loads(fields)
                ),
                is_cast == "true",
            )

    def know(self, oids: Iterable[int]) -> None:
        """Ask for types, and for those that they are made of, in one round trip."""
        if unknown := sorted({*oids}.difference(self._known.rows)):
            self.keep(self._catalog.rows(_TYPES, unknown))

    def find(self, oid: int) -> PgType:
        """Return a type by its oid."""
        types = self._known.types
        if oid not in types:
            self.know([oid])
            row = self._known.rows[oid]
            types[oid] = PgType(
                oid,
                row.schema,
                row.name,
                row.kind,
                with_dimensions(self.find(row.of), row.dimensions) if row.of else None,
                row.labels,
                tuple(
                    (name, with_dimensions(self.find(field), number))
                    for name, field, number in row.fields
                ),
                is_cast_to_json=row.is_cast_to_json,
            )
        return types[oid]


# a type is an array where its element says that this is its array type;
# oidvector and int2vector have elements, too, but psycopg does not read them as arrays
_COLUMNS: LiteralString = """
select
    type.oid::text,
    space.nspname::text,
    type.typname::text,
    case when element.typarray = type.oid then 'array' else type.typtype::text end,
    case
        when element.typarray = type.oid then element.oid
        when type.typtype = 'd' then type.typbasetype
        when type.typtype in ('r', 'm') then (
            select rngsubtype
            from pg_catalog.pg_range
            where type.oid in (rngtypid, rngmultitypid)
        )
        else 0
    end::text,
    type.typndims::text,
    case
        when type.typtype = 'e' then (
            select coalesce(pg_catalog.json_agg(enumlabel order by enumsortorder), '[]')
            from pg_catalog.pg_enum
            where enumtypid = type.oid
        )::text
        else '[]'
    end,
    case
        when type.typtype = 'c' then (
            select
                coalesce(
                    pg_catalog.json_agg(
                        pg_catalog.json_build_array(attname, atttypid::text, attndims)
                        order by attnum
                    ),
                    '[]'
                )
            from pg_catalog.pg_attribute
            where attrelid = type.typrelid and attnum > 0 and not attisdropped
        )::text
        else '[]'
    end,
    exists(
        select from pg_catalog.pg_cast
        where
            castsource = type.oid
            and casttarget = 'pg_catalog.json'::pg_catalog.regtype
            and castmethod = 'f'
    )::text
from pg_catalog.pg_type as type
join pg_catalog.pg_namespace as space on space.oid = type.typnamespace
left join pg_catalog.pg_type as element on element.oid = type.typelem
"""

_TYPES: LiteralString = f"""
with recursive needed as (
    select oid
    from pg_catalog.unnest($1::oid[]) as oid
    union
    select part.oid
    from needed
    join pg_catalog.pg_type as type on type.oid = needed.oid
    cross join lateral (
        select type.typelem
        union all
        select type.typbasetype
        union all
        select rngsubtype from pg_catalog.pg_range where type.oid in (rngtypid, rngmultitypid)
        union all
        select atttypid
        from pg_catalog.pg_attribute
        where
            type.typtype = 'c'
            and attrelid = type.typrelid
            and attnum > 0
            and not attisdropped
    ) as part (oid)
    where part.oid <> 0
)
{_COLUMNS}
where type.oid in (select oid from needed)
"""  # noqa: S608 - of constants alone

# PostgreSQL's own, and those that somebody made on purpose: not the row types of tables, whose
# number has no bound
COMMON_TYPES: LiteralString = f"""
{_COLUMNS}
where
    type.typtype not in ('c', 'p')
    and element.typtype is distinct from 'c'
limit 2000
"""
