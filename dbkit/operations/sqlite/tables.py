"""Match the tables of a SQLite file with those of a database, and order them by reference."""

import sqlite3
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import tuple_row

from dbkit.migrations import BOOKKEEPING
from dbkit.operations.sqlite.errors import (
    CircularTables,
    MissingColumn,
    UnknownColumns,
    UnknownTables,
)
from dbkit.operations.sqlite.values import SqliteColumn

# what tools note about themselves, and what SQLite does
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
# of ASCII alone, as SQLite has it
_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
_REFERENCES = """
select
    conrelid::bigint,
    confrelid::bigint
from pg_constraint
where
    contype = 'f'
    and not condeferrable
"""


class Target(NamedTuple):
    """A table that rows go into, with the columns that the file has for it."""

    oid: int
    name: str
    columns: tuple[SqliteColumn, ...]
    # what the file calls the table and those columns
    source: str
    taken: tuple[str, ...]
    # those that may not be null
    needed: frozenset[str]


def match_tables(
    source: sqlite3.Connection, connection: psycopg.Connection[Any], skipped: Iterable[str]
) -> list[Target]:
    """Return the tables to fill, each after those that it refers to.

    A table or a column that the database has not is refused: its rows would be lost in
    silence. A column that the file has not takes its default, and has to have one.
    """
    there = _tables_there(connection)
    left_out = {*_LEFT_OUT, *skipped}
    names = [
        name
        for (name,) in source.execute(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' "
            "escape '\\' order by name"
        )
        if name not in left_out
    ]
    found = {name: _alike(name, there) for name in names}
    unknown = tuple(name for name, table in found.items() if table is None)
    if unknown:
        raise UnknownTables(unknown, tuple(there))
    targets = [_matched(source, name, there[table]) for name, table in found.items() if table]
    return _in_order(connection, targets)


class _There(NamedTuple):
    oid: int
    name: str
    columns: dict[str, SqliteColumn]
    needed: frozenset[str]
    defaulted: frozenset[str]
    generated: frozenset[str]


def _tables_there(connection: psycopg.Connection[Any]) -> dict[str, _There]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_COLUMNS).fetchall()
    tables: dict[str, _There] = {}
    grouped: dict[tuple[int, str], list[tuple[Any, ...]]] = {}
    for oid, table, *column in rows:
        grouped.setdefault((oid, table), []).append(tuple(column))
    for (oid, table), columns in grouped.items():
        tables[table] = _There(
            oid,
            table,
            {name: SqliteColumn(name, type_, *sizes) for name, type_, _, _, _, *sizes in columns},
            frozenset(name for name, _, not_null, *_ in columns if not_null),
            frozenset(name for name, _, _, has_default, *_ in columns if has_default),
            frozenset(name for name, _, _, _, is_generated, *_ in columns if is_generated),
        )
    return tables


def _matched(source: sqlite3.Connection, name: str, there: _There) -> Target:
    listed = source.execute(f"pragma table_xinfo({quoted(name)})")
    found = {column: _alike(column, there.columns) for _, column, *_ in listed}
    unknown = tuple(column for column, ours in found.items() if ours is None)
    if unknown:
        raise UnknownColumns(there.name, unknown, tuple(there.columns))
    for column in there.needed - there.defaulted - {*found.values()}:
        raise MissingColumn(there.name, column)
    taken = {
        column: there.columns[ours]
        for column, ours in found.items()
        if ours and ours not in there.generated
    }
    return Target(there.oid, there.name, tuple(taken.values()), name, tuple(taken), there.needed)


def _alike(name: str, known: Iterable[str]) -> str | None:
    """Find a name; capitals do not matter to SQLite, so they do only where nothing else tells."""
    alike = [one for one in known if one.translate(_SMALL) == name.translate(_SMALL)]
    return name if name in alike else alike[0] if len(alike) == 1 else None


def _in_order(connection: psycopg.Connection[Any], targets: list[Target]) -> list[Target]:
    by_oid = {target.oid: target for target in targets}
    sorter: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(by_oid, ()))
    with connection.cursor(row_factory=tuple_row) as cursor:
        for child, parent in cursor.execute(_REFERENCES):
            # a table may refer to itself: COPY looks when all of its rows are there
            if child in by_oid and parent in by_oid and child != parent:
                sorter.add(child, parent)
    try:
        return [by_oid[oid] for oid in sorter.static_order()]
    except CycleError as error:
        raise CircularTables(tuple(by_oid[oid].name for oid in error.args[1])) from None


def quoted(name: str) -> str:
    """Write a name as SQLite reads it."""
    return '"' + name.replace('"', '""') + '"'
