"""Write a PostgreSQL type the way generated code and the lock file name it."""

import re

from psycopg import postgres

from dbkit.queries.model import PgType, TypeKind

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def type_name(type_: PgType) -> str:
    """Name a type by words, which hold in every database, where an oid does not.

    The names are `pg_type`'s own (`int4`, not `integer`), an array its element's with `[]`.
    The schema is left out where the search path finds the type by itself.
    """
    if type_.kind is TypeKind.ARRAY and type_.of is not None:
        return f"{type_name(type_.of)}[]"
    builtin = postgres.types.get(type_.name) is not None or type_.name == "char"
    if type_.schema == "pg_catalog" or (type_.schema == "public" and not builtin):
        return _quoted(type_.name)
    return f"{_quoted(type_.schema)}.{_quoted(type_.name)}"


def _quoted(name: str) -> str:
    # "char" is a type of its own, and char is another
    if _PLAIN.fullmatch(name) and name != "char":
        return name
    return '"{}"'.format(name.replace('"', '""'))
