"""Find the types that statements name, in the database that a connection is open to."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
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

from dbkit.pgtypes import PgType, TypeKind, VectorBinaryLoader, VectorLoader, element_of
from dbkit.runtime.encoders import make_encoder
from dbkit.runtime.loaders import read_as_utf8, read_infinity, read_own_forms, row_loader
from dbkit.runtime.wire import Message, Wire, WireContext, is_sql_ascii

# of each type, and of all it is made of, what PgType tells; a type that is not found is left out
_TYPES = b"""
with recursive asked as (
    select name, pg_catalog.to_regtype(name)::oid as oid
    from pg_catalog.unnest($1) as name
),
types as not materialized (
    select
        type.oid,
        type.typname,
        type.typnamespace,
        type.typrelid,
        type.typdelim,
        type.typndims as dimensions,
        -- oidvector and int2vector have elements, too, but are written and read as one value
        case when element.oid is null then type.typtype::text else 'a' end as kind,
        case
            when type.typtype = 'd' then type.typbasetype
            when type.typtype in ('r', 'm') then range.rngsubtype
            else element.oid
        end as made_of
    from pg_catalog.pg_type as type
    left join pg_catalog.pg_range as range on type.oid in (range.rngtypid, range.rngmultitypid)
    left join pg_catalog.pg_type as element
        on element.oid = type.typelem and element.typarray = type.oid
),
fields as not materialized (
    select attrelid, attnum, attname, atttypid, attndims
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
    ),
    array(
        select attndims::int8 from fields where attrelid = types.typrelid order by attnum
    ),
    types.dimensions::int8,
    types.typdelim::text
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
    read_own_forms(adapters)
    register_all_arrays(adapters)
    return adapters


_PRISTINE = _pristine()
_RECORD, _RECORDS = 2249, 2287
# no type of a database has such a number
_FIRST_OF_ROWS = 0xFFFF_0000


class ConnectionTypes:
    """The types of one database by name, and how their values are read."""

    def __init__(self) -> None:
        self._named: dict[str, PgType] = {}
        # all that psycopg has to be taught, each after those that it is made of
        self._taught: list[PgType] = []
        # rows that statements make, as they are read from their text
        self._rows: dict[PgType, PgType] = {}
        # by whether texts are UTF-8 in any case, and infinity is read as its word
        self._adapters: dict[tuple[bool, bool], AdaptersMap] = {}

    def get(self, name: str) -> PgType | None:
        """Return a type by the name that a statement gives it, if it is known by now."""
        if (type_ := self._named.get(name) or _builtin(name)) is not None:
            return type_
        if name.startswith(_ROW):
            return self._row(name)
        return None

    def _row(self, name: str) -> PgType | None:
        if name.endswith("[]"):
            of = self._row(name[:-2])
            return of and PgType(_RECORDS, "pg_catalog", "_record", TypeKind.ARRAY, of)
        parts = [("", part) for each in _parts(name) if (part := self.get(each)) is not None]
        if len(parts) < len(_parts(name)):
            return None
        return PgType(_RECORD, "pg_catalog", "record", TypeKind.PSEUDO, fields=tuple(parts))

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return those of the types that the database has to be asked for."""
        return sorted({part for name in names for part in _leaves(name) if self.get(part) is None})

    @property
    def adapters(self) -> AdaptersMap:
        """What reads the values of all these types."""
        return self.adapters_for()

    def adapters_for(self, *, utf8: bool = False, infinity: bool = False) -> AdaptersMap:
        """Give what reads the values of all these types.

        `utf8` reads every text as that, whatever the connection calls it, and `infinity` reads
        the infinity of a date as its word.
        """
        adapters = self._adapters.get((utf8, infinity))
        if adapters is None:
            adapters = self._adapters[utf8, infinity] = AdaptersMap(_PRISTINE)
            if utf8:
                read_as_utf8(adapters)
            if infinity:
                read_infinity(adapters)
            for type_ in self._taught:
                _register(type_, adapters)
        return adapters

    def in_text(self, type_: PgType) -> PgType:
        """Return a type as its text is read: that of a row does not tell the types of its parts."""
        if type_.kind is TypeKind.ARRAY:
            element = element_of(type_)
            own = self.in_text(element)
            return type_ if own is element else self._own(replace(type_, of=own))
        if type_.kind is not TypeKind.PSEUDO or not type_.fields:
            return type_
        fields = tuple((name, self.in_text(part)) for name, part in type_.fields)
        return self._own(replace(type_, kind=TypeKind.COMPOSITE, fields=fields))

    def _own(self, row: PgType) -> PgType:
        """Give a row, or an array of rows, a number of its own."""
        if row not in self._rows:
            own = self._rows[row] = replace(row, oid=_FIRST_OF_ROWS + len(self._rows))
            self._teach(own)
        return self._rows[row]

    def _teach(self, type_: PgType) -> None:
        self._taught.append(type_)
        for adapters in self._adapters.values():
            _register(type_, adapters)

    @property
    def asked(self) -> bool:
        """Whether there are types here that may be made anew under the same name."""
        return bool(self._named)

    def was_asked(self, name: str) -> bool:
        """Whether the database was asked for a type."""
        return any(leaf in self._named for leaf in _leaves(name))

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

    def learn(self, result: PGresult, pgconn: PGconn | None = None) -> None:
        """Read the answer to the question."""
        # names and labels come in the client's encoding
        adapters = AdaptersMap(_PRISTINE)
        if pgconn is not None and is_sql_ascii(pgconn):
            read_as_utf8(adapters)
        transformer = Transformer(WireContext(adapters, Wire(pgconn) if pgconn else None))
        transformer.set_pgresult(result)
        rows: list[tuple[Any, ...]] = transformer.load_rows(0, result.ntuples, tuple)
        types: dict[int, PgType] = {}
        by_oid = {row[0]: row for row in rows}
        for oid, name, *_ in rows:
            type_ = _build(oid, by_oid, types)
            if name is not None:
                self._named[name] = _with_dimensions(type_, name.count("[]"))
        for type_ in types.values():
            self._teach(type_)


def _leaves(name: str) -> list[str]:
    """Return the names of all types in that of a row."""
    if not name.startswith(_ROW):
        return [name]
    return [leaf for part in _parts(name) for leaf in _leaves(part)]


def _parts(row: str) -> list[str]:
    """Return the names of a row's parts, as in `record(int4;text[];record(int4;"a;b"))[]`."""
    while row.endswith("[]"):
        row = row[:-2]
    parts, depth, is_quoted = [""], 0, False
    for character in row[len(_ROW) : -1]:
        is_quoted ^= character == '"'
        if not is_quoted:
            depth += (character == "(") - (character == ")")
        if character == ";" and not is_quoted and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


_ROW = "record("


def _with_dimensions(type_: PgType, number: int) -> PgType:
    if type_.kind is not TypeKind.ARRAY or number <= 1:
        return type_
    return replace(type_, of=_with_dimensions(type_, number - 1))


@cache
def _builtin(name: str) -> PgType | None:
    """Return a type whose number is the same in every database."""
    if name.endswith("[]"):
        of = _builtin(name[:-2])
        if of is None:
            return None
        # one type for all numbers of dimensions
        oid = of.oid if of.kind is TypeKind.ARRAY else _PRISTINE.types[of.name].array_oid
        return PgType(oid, "pg_catalog", f"_{name[:-2]}", TypeKind.ARRAY, of)
    info = _PRISTINE.types.get(name)
    # psycopg knows a type by its other names as well, and what is registered with it globally
    if info is None or info.name != name or info.oid >= _FIRST_OF_USERS:
        return None
    if isinstance(info, RangeInfo | MultirangeInfo):
        subtype = _PRISTINE.types[info.subtype_oid]
        kind = TypeKind.RANGE if isinstance(info, RangeInfo) else TypeKind.MULTIRANGE
        return PgType(info.oid, "pg_catalog", name, kind, _builtin(subtype.name))
    kind = TypeKind.PSEUDO if name == "record" else TypeKind.BASE
    return PgType(info.oid, "pg_catalog", name, kind, delimiter=";" if name == "box" else ",")


_FIRST_OF_USERS = 16_384


def _build(oid: int, rows: dict[int, tuple[Any, ...]], types: dict[int, PgType]) -> PgType:
    """Give a type, built with those it is made of; each is built once."""
    if oid not in types:
        _, _, schema, name, kind, of, labels, names, parts, dimensions, own_dimensions, mark = rows[
            oid
        ]
        types[oid] = PgType(
            oid,
            schema,
            name,
            _KINDS[kind],
            None if of is None else _with_dimensions(_build(of, rows, types), own_dimensions),
            tuple(labels),
            tuple(
                (field, _with_dimensions(_build(type_, rows, types), number))
                for field, type_, number in zip(names, parts, dimensions, strict=True)
            ),
            mark,
        )
    return types[oid]


def _values(values: Sequence[Any], _: CompositeInfo) -> tuple[Any, ...]:
    # a class, if there is one, is the statement's choice, not the type's
    return tuple(values)


def _register(type_: PgType, adapters: AdaptersMap) -> None:
    """Teach psycopg to read a type that it does not know."""
    if type_.oid < _FIRST_OF_USERS and _PRISTINE.types.get(type_.oid) is not None:
        return
    match type_.kind:
        case TypeKind.ENUM:
            _read_as(type_.oid, _TEXT, adapters)
        case TypeKind.ARRAY if type_.of is not None:
            of = type_.of
            register_array(TypeInfo(of.name, of.oid, type_.oid, delimiter=of.delimiter), adapters)
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
                # or psycopg makes a class of the names, which not all of them allow
                factory=_values,
                make_object=_values,
            )
            parts = [field.oid for _, field in type_.fields]
            adapters.register_loader(type_.oid, row_loader(parts))
        case TypeKind.BASE if type_.name == "vector":
            adapters.register_loader(type_.oid, VectorLoader)
            adapters.register_loader(type_.oid, VectorBinaryLoader)
        case TypeKind.BASE if type_.name == "citext":
            _read_as(type_.oid, _TEXT, adapters)
        case TypeKind.DOMAIN if type_.of is not None:
            _read_as(type_.oid, type_.of.oid, adapters)
        case _:
            pass


_TEXT = 25


def _read_as(oid: int, other: int, adapters: AdaptersMap) -> None:
    for form in Format:
        loader = adapters.get_loader(other, form)
        if loader is not None:
            adapters.register_loader(oid, loader)
