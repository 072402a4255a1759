"""Write a PostgreSQL type the way generated code and the lock file name it."""

import re

from psycopg import postgres

from dbkit.pgtypes.pgtype import PgType, TypeKind, element_of, may_be_list

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
# words that the grammar keeps for itself, of PostgreSQL 18: unquoted they name no user's type
_KEPT = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit
    boolean both case cast char character check coalesce collate collation column concurrently
    constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user dec decimal default deferrable desc distinct do else end except
    exists extract false fetch float for foreign freeze from full grant greatest group grouping
    having ilike in initially inner inout int integer intersect interval into is isnull join json
    json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar
    json_serialize json_table json_value lateral leading least left like limit localtime
    localtimestamp merge_action national natural nchar none normalize not notnull null nullif
    numeric offset on only or order out outer overlaps overlay placing position precision primary
    real references returning right row select session_user setof similar smallint some substring
    symmetric system_user table tablesample then time timestamp to trailing treat trim true union
    unique user using values varchar variadic verbose when where window with xmlattributes
    xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize
    xmltable
    """.split()  # noqa: SIM905 - a list would stand on a hundred and fifty lines
)


def type_name(type_: PgType) -> str:
    """Name a type by words, which hold in every database, where an oid does not.

    The names are `pg_type`'s own (`int4`, not `integer`), an array its element's with `[]`, a row
    that a statement makes one with its parts: `record(int4;text)`.
    The schema is left out where the search path finds the type by itself.
    """
    if type_.kind is TypeKind.ARRAY and type_.of is not None:
        # the type is the same for all dimensions; only where an element may be a list, they matter
        is_nested = type_.of.kind is TypeKind.ARRAY and not may_be_list(element_of(type_))
        return type_name(type_.of) if is_nested else f"{type_name(type_.of)}[]"
    if type_.kind is TypeKind.PSEUDO and type_.fields:
        return f"{type_.name}({';'.join(type_name(part) for _, part in type_.fields)})"
    builtin = postgres.types.get(type_.name) is not None or type_.name == "char"
    if type_.schema == "pg_catalog":
        # "char" is a type of its own, and char is another
        return '"char"' if type_.name == "char" else type_.name
    if type_.schema == "public" and not builtin:
        return _quoted(type_.name)
    return f"{_quoted(type_.schema)}.{_quoted(type_.name)}"


def _quoted(name: str) -> str:
    if _PLAIN.fullmatch(name) and name not in _KEPT:
        return name
    return '"{}"'.format(name.replace('"', '""'))
