"""PostgreSQL's types, and the types they are made of, as pg_type describes them."""

from typing import Any, LiteralString
from weakref import WeakKeyDictionary

import psycopg

from dbkit.analysis.catalog import Catalog
from dbkit.pgtypes import PgType, TypeKind

_TYPES: WeakKeyDictionary[psycopg.Connection[Any], dict[int, PgType]] = WeakKeyDictionary()
_KINDS = {
    "b": TypeKind.BASE,
    "c": TypeKind.COMPOSITE,
    "d": TypeKind.DOMAIN,
    "e": TypeKind.ENUM,
    "m": TypeKind.MULTIRANGE,
    "p": TypeKind.PSEUDO,
    "r": TypeKind.RANGE,
}


class TypeCatalog:
    """The types of one connection; each is asked for once while the connection lasts."""

    def __init__(self, connection: psycopg.Connection[Any], catalog: Catalog) -> None:
        self._types = _TYPES.setdefault(connection, {})
        self._catalog = catalog

    def find(self, oid: int) -> PgType:
        """Return a type by its oid."""
        if oid not in self._types:
            self._types[oid] = self._read(oid)
        return self._types[oid]

    def _read(self, oid: int) -> PgType:
        [(schema, name, kind, base, labels, fields)] = self._catalog.rows(_TYPE, oid)
        return PgType(
            oid,
            schema,
            name,
            TypeKind.ARRAY if kind == "array" else _KINDS[kind],
            self.find(base) if base else None,
            tuple(labels),
            tuple(
                (name, self.find(int(type_oid)))
                for type_oid, name in (field.split(" ", 1) for field in fields)
            ),
        )


# a type is an array where its element says that this is its array type;
# oidvector and int2vector have elements, too, but psycopg does not read them as arrays
_TYPE: LiteralString = """
select
    space.nspname,
    type.typname,
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
    end,
    array(
        select enumlabel::text
        from pg_catalog.pg_enum
        where enumtypid = type.oid
        order by enumsortorder
    ),
    array(
        select atttypid::text || ' ' || attname
        from pg_catalog.pg_attribute
        where type.typtype = 'c' and attrelid = type.typrelid
            and attnum > 0 and not attisdropped
        order by attnum
    )
from pg_catalog.pg_type as type
join pg_catalog.pg_namespace as space on space.oid = type.typnamespace
left join pg_catalog.pg_type as element on element.oid = type.typelem
where type.oid = $1
"""
