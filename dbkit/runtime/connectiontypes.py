"""Find the types that statements name, in the database that a connection is open to."""

from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Any

from psycopg import postgres
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.types import TypeInfo
from psycopg.types.array import register_all_arrays, register_array
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.multirange import MultirangeInfo, register_multirange
from psycopg.types.range import RangeInfo, register_range
from psycopg.types.string import TextBinaryLoader, TextLoader

from dbkit.pgtypes import PgType, TypeKind, VectorBinaryLoader, VectorLoader
from dbkit.runtime.encoders import make_encoder
from dbkit.runtime.wire import Message

# of each type, and of all it is made of, what PgType tells; a type that is not found is left out
_TYPES = b"""
with recursive asked as (
    select name, pg_catalog.to_regtype(name)::oid as oid
    from pg_catalog.unnest($1) as name
),
types as (
    select
        type.oid,
        type.typname,
        type.typnamespace,
        type.typrelid,
        -- a domain over an array looks like one
        case
            when type.typtype = 'b' and type.typcategory = 'A' and type.typelem <> 0 then 'a'
            else type.typtype::text
        end as kind,
        case
            when type.typtype = 'd' then type.typbasetype
            when type.typtype in ('r', 'm') then range.rngsubtype
            when type.typcategory = 'A' then nullif(type.typelem, 0)
        end as made_of
    from pg_catalog.pg_type as type
    left join pg_catalog.pg_range as range on type.oid in (range.rngtypid, range.rngmultitypid)
),
fields as (
    select attrelid, attnum, attname, atttypid
    from pg_catalog.pg_attribute
    where attnum > 0 and not attisdropped
),
found as (
    select oid from asked where oid is not null
    union
    select part.oid
    from found
    join types on types.oid = found.oid
    cross join lateral (
        select types.made_of
        where types.made_of is not null
        union all
        select atttypid
        from fields
        where attrelid = types.typrelid
    ) as part (oid)
)
select
    types.oid::int8,
    asked.name,
    schema.nspname::text,
    types.typname::text,
    types.kind,
    types.made_of::int8,
    array(
        select enumlabel::text
        from pg_catalog.pg_enum
        where enumtypid = types.oid
        order by enumsortorder
    ),
    array(
        select attname::text from fields where attrelid = types.typrelid order by attnum
    ),
    array(
        select atttypid::int8 from fields where attrelid = types.typrelid order by attnum
    )
from found
join types on types.oid = found.oid
join pg_catalog.pg_namespace as schema on schema.oid = types.typnamespace
left join asked on asked.oid = types.oid
"""
_KINDS = {
    "a": TypeKind.ARRAY,
    "b": TypeKind.BASE,
    "c": TypeKind.COMPOSITE,
    "d": TypeKind.DOMAIN,
    "e": TypeKind.ENUM,
    "m": TypeKind.MULTIRANGE,
    "p": TypeKind.PSEUDO,
    "r": TypeKind.RANGE,
}
_TEXTS = PgType(
    1009, "pg_catalog", "_text", TypeKind.ARRAY, PgType(25, "pg_catalog", "text", TypeKind.BASE)
)


def _pristine() -> AdaptersMap:
    """Give psycopg's way to read PostgreSQL's own types, whatever was registered since.

    Generated code promises a type; a loader that somebody gave the connection or psycopg as a
    whole would break the promise.
    """
    adapters = AdaptersMap()
    postgres.register_default_types(adapters.types)
    postgres.register_default_adapters(adapters)
    register_all_arrays(adapters)
    return adapters


_PRISTINE = _pristine()


class ConnectionTypes:
    """The types of one database by name, and how their values are read."""

    def __init__(self) -> None:
        self.adapters = AdaptersMap(_PRISTINE)
        self._named: dict[str, PgType] = {}

    def get(self, name: str) -> PgType | None:
        """Return a type by the name that a statement gives it, if it is known by now."""
        return self._named.get(name) or _builtin(name)

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return those of the types that the database has to be asked for."""
        return sorted({name for name in names if self.get(name) is None})

    @property
    def asked(self) -> bool:
        """Whether there are types here that may be made anew under the same name."""
        return bool(self._named)

    def was_asked(self, name: str) -> bool:
        """Whether the database was asked for a type."""
        return name in self._named

    @property
    def asked_names(self) -> list[str]:
        """The names that the database was asked for."""
        return sorted(self._named)

    @staticmethod
    def question(pgconn: PGconn, names: list[str], encoding: str) -> Message:
        """Give the message that asks the database for types."""
        written = make_encoder(_TEXTS, encoding).text(names)
        types, formats = [_TEXTS.oid], [Format.TEXT]
        return partial(pgconn.send_query_params, _TYPES, [written], types, formats, Format.BINARY)

    def learn(self, result: PGresult) -> None:
        """Read the answer to the question."""
        transformer = Transformer(self.adapters)
        transformer.set_pgresult(result)
        rows: list[tuple[Any, ...]] = transformer.load_rows(0, result.ntuples, tuple)
        types: dict[int, PgType] = {}
        by_oid = {row[0]: row for row in rows}
        for oid, name, *_ in rows:
            type_ = _build(oid, by_oid, types)
            if name is not None:
                self._named[name] = type_
        for type_ in types.values():
            _register(type_, self.adapters)


@cache
def _builtin(name: str) -> PgType | None:
    """Return a type whose number is the same in every database."""
    if name.endswith("[]"):
        element = _PRISTINE.types.get(name[:-2])
        if element is None:
            return None
        kind, of, oid, name = TypeKind.ARRAY, _builtin(name[:-2]), element.array_oid, f"_{name}"
        return PgType(oid, "pg_catalog", name, kind, of)
    info = _PRISTINE.types.get(name)
    # psycopg knows a type by its other names as well, and what is registered with it globally
    if info is None or info.name != name or info.oid >= _FIRST_OF_USERS:
        return None
    if isinstance(info, RangeInfo | MultirangeInfo):
        subtype = _PRISTINE.types[info.subtype_oid]
        kind = TypeKind.RANGE if isinstance(info, RangeInfo) else TypeKind.MULTIRANGE
        return PgType(info.oid, "pg_catalog", name, kind, _builtin(subtype.name))
    kind = TypeKind.PSEUDO if name == "record" else TypeKind.BASE
    return PgType(info.oid, "pg_catalog", name, kind)


_FIRST_OF_USERS = 16_384


def _build(oid: int, rows: dict[int, tuple[Any, ...]], types: dict[int, PgType]) -> PgType:
    """Give a type, built with those it is made of; each is built once."""
    if oid not in types:
        _, _, schema, name, kind, of, labels, field_names, field_types = rows[oid]
        types[oid] = PgType(
            oid,
            schema,
            name,
            _KINDS[kind],
            None if of is None else _build(of, rows, types),
            tuple(labels),
            tuple(
                (field, _build(type_, rows, types))
                for field, type_ in zip(field_names, field_types, strict=True)
            ),
        )
    return types[oid]


def _values(values: Sequence[Any], _: CompositeInfo) -> tuple[Any, ...]:
    # a class, if there is one, is the statement's choice, not the type's
    return tuple(values)


def _register(  # noqa: C901 - one case for each kind of type
    type_: PgType, adapters: AdaptersMap
) -> None:
    """Teach psycopg to read a type that it does not know."""
    if type_.oid < _FIRST_OF_USERS and _PRISTINE.types.get(type_.oid) is not None:
        return
    match type_.kind:
        case TypeKind.ENUM:
            adapters.register_loader(type_.oid, TextLoader)
            adapters.register_loader(type_.oid, TextBinaryLoader)
        case TypeKind.ARRAY if type_.of is not None:
            delimiter = ";" if type_.of.name == "box" else ","
            info = TypeInfo(type_.of.name, type_.of.oid, type_.oid, delimiter=delimiter)
            register_array(info, adapters)
        case TypeKind.RANGE if type_.of is not None:
            register_range(RangeInfo(type_.name, type_.oid, 0, subtype_oid=type_.of.oid), adapters)
        case TypeKind.MULTIRANGE if type_.of is not None:
            register_multirange(
                MultirangeInfo(type_.name, type_.oid, 0, range_oid=0, subtype_oid=type_.of.oid),
                adapters,
            )
        case TypeKind.COMPOSITE:
            register_composite(
                CompositeInfo(
                    type_.name,
                    type_.oid,
                    0,
                    field_names=[name for name, _ in type_.fields],
                    field_types=[field.oid for _, field in type_.fields],
                ),
                adapters,
                make_object=_values,
            )
        case TypeKind.BASE if type_.name == "vector":
            adapters.register_loader(type_.oid, VectorLoader)
            adapters.register_loader(type_.oid, VectorBinaryLoader)
        case TypeKind.BASE if type_.name in {"citext", "xml"}:
            adapters.register_loader(type_.oid, TextLoader)
            adapters.register_loader(type_.oid, TextBinaryLoader)
        case TypeKind.DOMAIN if type_.of is not None:
            for form in Format:
                loader = adapters.get_loader(type_.of.oid, form)
                if loader is not None:
                    adapters.register_loader(type_.oid, loader)
        case _:
            pass
