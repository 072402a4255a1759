"""Match the tables of a SQLite file with those of a database, in the order to fill them."""

import sqlite3
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import tuple_row

from dbkit.migrations import BOOKKEEPING
from dbkit.operations.errors import (
    CircularTables,
    MissingColumn,
    UnknownColumns,
    UnknownTables,
)
from dbkit.operations.sqlite.values import TargetColumn

# the tables of migration tools and of SQLite itself
_LEFT_OUT = {*BOOKKEEPING, "alembic_version", "schema_migrations", "sqlite_sequence"}
_COLUMNS = """
select
    class.oid::bigint,
    class.relname,
    attribute.attname,
    coalesce(base.typname, type.typname),
    attribute.attnotnull or type.typnotnull,
    attribute.atthasdef or type.typdefault is not null or attribute.attidentity <> '',
    attribute.attgenerated <> '',
    case
        when coalesce(base.typname, type.typname) in ('varchar', 'bpchar')
            and attribute.atttypmod > 4
            then attribute.atttypmod - 4
    end,
    case
        when coalesce(base.typname, type.typname) = 'numeric' and attribute.atttypmod > 4
            then ((attribute.atttypmod - 4) >> 16) & 65535
    end,
    case
        when coalesce(base.typname, type.typname) = 'numeric' and attribute.atttypmod > 4
            then (((attribute.atttypmod - 4) & 2047) # 1024) - 1024
    end
from pg_class as class
inner join pg_attribute as attribute on attribute.attrelid = class.oid
inner join pg_type as type on type.oid = attribute.atttypid
left join pg_type as base on base.oid = nullif(type.typbasetype, 0)
where
    class.relkind in ('r', 'p')
    and pg_table_is_visible(class.oid)
    and class.relnamespace not in ('pg_catalog'::regnamespace, pg_my_temp_schema())
    and attribute.attnum > 0
    and not attribute.attisdropped
order by class.relname, attribute.attnum
"""
# SQLite ignores the case of ASCII letters only
_LOWER_ASCII = str.maketrans(ascii_uppercase, ascii_lowercase)
_REFERENCES = """
select
    conrelid::bigint,
    confrelid::bigint
from pg_constraint
where
    contype = 'f'
    and not condeferrable
"""


class TargetTable(NamedTuple):
    """A table to fill, with those of its columns that the file has values for."""

    oid: int
    name: str
    columns: tuple[TargetColumn, ...]
    # the names of the table and of those columns in the file
    source_name: str
    source_columns: tuple[str, ...]
    # the columns that take no null
    not_null: frozenset[str]


def match_tables(
    source: sqlite3.Connection, connection: psycopg.Connection[Any], skipped: Iterable[str]
) -> list[TargetTable]:
    """Return the tables to fill, each after the tables that it refers to.

    A table or column of the file that the database does not have is refused, because its values
    would be lost silently. A column that the file does not have gets its default; one that takes
    no null and has no default is refused.
    """
    known = _read_tables(connection)
    left_out = {*_LEFT_OUT, *skipped}
    names = [
        name
        for (name,) in source.execute(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' "
            "escape '\\' order by name"
        )
        if name not in left_out
    ]
    matches = {name: _find_name(name, known) for name in names}
    unknown = tuple(name for name, table in matches.items() if table is None)
    if unknown:
        raise UnknownTables(unknown, tuple(known))
    targets = [
        _match_columns(source, name, known[table]) for name, table in matches.items() if table
    ]
    return _in_order(connection, targets)


class _DatabaseTable(NamedTuple):
    oid: int
    name: str
    columns: dict[str, TargetColumn]
    not_null: frozenset[str]
    defaulted: frozenset[str]
    generated: frozenset[str]


def _read_tables(connection: psycopg.Connection[Any]) -> dict[str, _DatabaseTable]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_COLUMNS).fetchall()
    tables: dict[str, _DatabaseTable] = {}
    grouped: dict[tuple[int, str], list[tuple[Any, ...]]] = {}
    for oid, table, *column in rows:
        grouped.setdefault((oid, table), []).append(tuple(column))
    for (oid, table), columns in grouped.items():
        tables[table] = _DatabaseTable(
            oid,
            table,
            {name: TargetColumn(name, type_, *sizes) for name, type_, _, _, _, *sizes in columns},
            frozenset(name for name, _, not_null, *_ in columns if not_null),
            frozenset(name for name, _, _, has_default, *_ in columns if has_default),
            frozenset(name for name, _, _, _, is_generated, *_ in columns if is_generated),
        )
    return tables


def _match_columns(source: sqlite3.Connection, name: str, table: _DatabaseTable) -> TargetTable:
    listed = source.execute(f"pragma table_xinfo({quote_identifier(name)})")
    matches = {column: _find_name(column, table.columns) for _, column, *_ in listed}
    unknown = tuple(column for column, match in matches.items() if match is None)
    if unknown:
        raise UnknownColumns(table.name, unknown, tuple(table.columns))
    for column in table.not_null - table.defaulted - {*matches.values()}:
        raise MissingColumn(table.name, column)
    columns = {
        column: table.columns[match]
        for column, match in matches.items()
        if match and match not in table.generated
    }
    return TargetTable(
        table.oid, table.name, tuple(columns.values()), name, tuple(columns), table.not_null
    )


def _find_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is equal to a name of SQLite.

    SQLite ignores case. Case counts only if two known names differ in nothing else.
    """
    lower = name.translate(_LOWER_ASCII)
    equal = [known_name for known_name in known if known_name.translate(_LOWER_ASCII) == lower]
    return name if name in equal else equal[0] if len(equal) == 1 else None


def _in_order(connection: psycopg.Connection[Any], targets: list[TargetTable]) -> list[TargetTable]:
    by_oid = {target.oid: target for target in targets}
    sorter: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(by_oid, ()))
    with connection.cursor(row_factory=tuple_row) as cursor:
        for child, parent in cursor.execute(_REFERENCES):
            # a table may refer to itself: the server checks that after all of its rows are copied
            if child in by_oid and parent in by_oid and child != parent:
                sorter.add(child, parent)
    try:
        return [by_oid[oid] for oid in sorter.static_order()]
    except CycleError as error:
        raise CircularTables(tuple(by_oid[oid].name for oid in error.args[1])) from None


def quote_identifier(name: str) -> str:
    """Quote a name for a statement of SQLite."""
    return '"' + name.replace('"', '""') + '"'
