"""PostgreSQL's types, with the types they are made of, as pg_type tells them."""

from typing import Any, LiteralString
from weakref import WeakKeyDictionary

import psycopg

from dbkit.analysis.catalog import Catalog
from dbkit.pgtypes import PgType, TypeKind

_KNOWN: WeakKeyDictionary[psycopg.Connection[Any], dict[int, PgType]] = WeakKeyDictionary()
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
    """The types of one connection, each asked once as long as it lasts."""

    def __init__(self, connection: psycopg.Connection[Any], catalog: Catalog) -> None:
        self._known = _KNOWN.setdefault(connection, {})
        self._catalog = catalog

    def find(self, oid: int) -> PgType:
        """Return a type by its number."""
        if oid not in self._known:
            self._known[oid] = self._read(oid)
        return self._known[oid]

    def _read(self, oid: int) -> PgType:
        [(schema, name, kind, of, labels, fields)] = self._catalog.rows(_TYPE, oid)
        return PgType(
            oid,
            schema,
            name,
            TypeKind.ARRAY if kind == "array" else _KINDS[kind],
            self.find(of) if of else None,
            tuple(labels),
            tuple(
                (field, self.find(int(number)))
                for number, field in (one.split(" ", 1) for one in fields)
            ),
        )


# an array is known by its subscripting function and by being the array of its element;
# oidvector and int2vector are no arrays to psycopg, and no one writes them
_TYPE: LiteralString = """
select
    space.nspname,
    found.typname,
    case when element.typarray = found.oid then 'array' else found.typtype::text end,
    case
        when element.typarray = found.oid then element.oid
        when found.typtype = 'd' then found.typbasetype
        when found.typtype in ('r', 'm') then (
            select rngsubtype
            from pg_catalog.pg_range
            where found.oid in (rngtypid, rngmultitypid)
        )
        else 0
    end,
    array(
        select enumlabel::text
        from pg_catalog.pg_enum
        where enumtypid = found.oid
        order by enumsortorder
    ),
    array(
        select atttypid::text || ' ' || attname
        from pg_catalog.pg_attribute
        where found.typtype = 'c' and attrelid = found.typrelid
            and attnum > 0 and not attisdropped
        order by attnum
    )
from pg_catalog.pg_type as found
join pg_catalog.pg_namespace as space on space.oid = found.typnamespace
left join pg_catalog.pg_type as element on element.oid = found.typelem
where found.oid = $1
"""
