"""Read a SQLite file, and copy its rows into a table of PostgreSQL."""

import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.errors import NotSqlite, UnreadableSqlite
from dbkit.operations.sqlite.tables import TargetTable, quote_identifier
from dbkit.operations.sqlite.values import converter, shown, write_cells

_MAGIC = b"SQLite format 3\0"
# so many rows are converted and sent at once
_CHUNK_ROWS = 2_000
_SEQUENCES = """
select
    attribute.attname,
    pg_get_serial_sequence(%(table)s, attribute.attname)
from pg_attribute as attribute
where
    attribute.attrelid = %(oid)s
    and attribute.attnum > 0
    and not attribute.attisdropped
    and pg_get_serial_sequence(%(table)s, attribute.attname) is not null
"""
# a highest key that the sequence cannot give, such as 0, leaves it as it is
_SET_SEQUENCE = sql.SQL("""
select setval(seqrelid::regclass, highest)
from pg_sequence, ({highest}) as filled (highest)
where
    seqrelid = %(sequence)s::regclass
    and highest between seqmin and seqmax
""")

ShowRows = Callable[[str, int], object]
"""A function that shows a table and the number of its rows imported so far."""


class Change(NamedTuple):
    """What a column's values become on the way: an expression of SQL over the row's columns."""

    table: str
    column: str
    expression: str


class SqliteFile(NamedTuple):
    """The file to import, its tables to leave out, and what becomes of values on the way."""

    path: Path
    skipped: tuple[str, ...] = ()
    # made where the rows that fit are imported
    changes: tuple[Change, ...] = ()


class RowFault(NamedTuple):
    """One row that the database refuses, and the value that is the reason if there is one."""

    table: str
    # in the order in which SQLite returns them, from 1
    row: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        value = f", column {self.column}: {self.value} " if self.column else ": "
        return f"table {self.table}, row {self.row}{value}{self.reason}"


def count_rows_of_file(file: Path) -> int:
    """Count the rows of all tables of a SQLite file, for a progress bar."""
    with open_file(file) as source:
        names = source.execute(
            # a virtual table may need a module of SQLite that is not installed
            "select name from sqlite_master "
            "where type = 'table' and sql not like 'create virtual table%'"
        ).fetchall()
        counts = [
            source.execute(f"select count(*) from {quote_identifier(name)}")  # noqa: S608 - quoted
            for (name,) in names
        ]
        return sum(count for cursor in counts for (count,) in cursor)


@contextmanager
def open_file(path: Path) -> Generator[sqlite3.Connection]:
    """Open a SQLite file to read it, as it is at this moment."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise NotSqlite(str(path))
    mode = "mode=ro"
    if not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists():
        # to read a file in WAL mode, SQLite creates a second one beside it, which it may not do
        # here; without that file nobody writes to the database
        mode += "&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as source:
            # a text that is not UTF-8 is reported as a value that does not fit
            source.text_factory = _decode
            # one snapshot for all tables
            source.execute("begin")
            yield source
    except sqlite3.Error as error:
        raise UnreadableSqlite(str(path), str(error)) from error


def _decode(content: bytes) -> str | bytes:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


class RowSource(NamedTuple):
    """The file, the database it is imported into, and the function that shows the progress."""

    file: sqlite3.Connection
    connection: psycopg.Connection[Any]
    show_rows: ShowRows


def copy_rows(source: RowSource, target: TargetTable, into: str, faults: list[RowFault]) -> int:
    """Copy all rows of a table, with null for each misfit, which is added to the faults."""
    columns = [column.name for column in target.columns]
    converts = [converter(column) for column in target.columns]
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(into), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    source_columns = ", ".join(map(quote_identifier, target.source_columns))
    rows = source.file.execute(
        f"select {source_columns} from {quote_identifier(target.source_name)}"  # noqa: S608 - quoted
    )
    count = 0
    with source.connection.cursor() as cursor, cursor.copy(statement) as copy:
        while chunk := rows.fetchmany(_CHUNK_ROWS):
            cells_of_columns: list[list[str]] = []
            for column, convert, values in zip(
                target.columns, converts, zip(*chunk, strict=True), strict=True
            ):
                is_not_null = column.name in target.not_null
                cells, misfits = write_cells(values, convert, not_null=is_not_null)
                cells_of_columns.append(cells)
                faults += [
                    RowFault(
                        target.name,
                        count + index + 1,
                        column.name,
                        shown(values[index]),
                        reason,
                    )
                    for index, reason in misfits.items()
                ]
            lines = "\n".join(map("\t".join, zip(*cells_of_columns, strict=True)))
            copy.write(f"{lines}\n".encode())
            count += len(chunk)
            source.show_rows(target.name, count)
    return count


def set_sequences(connection: psycopg.Connection[Any], target: TargetTable) -> None:
    """Let each sequence of a table go on after the highest imported key."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        table = sql.Identifier(target.name)
        sequences = cursor.execute(
            _SEQUENCES, {"table": table.as_string(cursor), "oid": target.oid}
        ).fetchall()
        for column, sequence in sequences:
            highest = sql.SQL("select max({}) from {}").format(sql.Identifier(column), table)
            cursor.execute(_SET_SEQUENCE.format(highest=highest), {"sequence": sequence})
