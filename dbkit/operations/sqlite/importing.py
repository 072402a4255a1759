"""Stream a SQLite file into a database in one transaction, and report what does not fit."""

import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.errors.sqlite import DoesNotFit, NotEmptyTables, NotSqlite
from dbkit.operations.sqlite.faults import Fault, find_faults
from dbkit.operations.sqlite.tables import Target, match_tables, quoted
from dbkit.operations.sqlite.values import Cell, Convert, Misfit, converter, shown

_MAGIC = b"SQLite format 3\0"
_ROWS = 2_000
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
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
Told = Callable[[str, int], object]


class Imported(NamedTuple):
    """How many rows went into one table."""

    table: str
    rows: int


class Source(NamedTuple):
    """What is imported, and how."""

    file: Path
    skipped: tuple[str, ...] = ()
    # whether what the tables hold is removed first
    replace: bool = False


def import_file(
    connection: psycopg.Connection[Any],
    source: Source,
    *,
    keep: bool = True,
    told: Told = lambda _table, _rows: None,
) -> list[Imported]:
    """Fill the tables of a database with the rows of a file, all of them or none.

    Every row is looked at, also after the first that does not fit, so that one run tells of
    all. Without `keep` the transaction is taken back in the end.
    """
    with _opened(source.file) as file, connection.transaction(force_rollback=not keep):
        # SQLite's own clock is UTC; what names no zone is meant so
        connection.execute("set local timezone = 'UTC'")
        connection.execute("set constraints all deferred")
        targets = match_tables(file, connection, source.skipped)
        _make_room(connection, targets, replace=source.replace)
        imported, faults = _Loading(file, connection, told).load(targets)
        if faults:
            raise DoesNotFit(str(source.file), tuple(map(str, faults)))
        for target in targets:
            _set_sequences(connection, target)
        connection.execute("set constraints all immediate")
    return imported


def count_rows(file: Path, tables: Iterable[str] = ()) -> int:
    """Count the rows of a file, for a bar that shows how far it is."""
    with _opened(file) as source:
        names = list(tables) or [
            name for (name,) in source.execute("select name from sqlite_master where type='table'")
        ]
        counts = [source.execute(f"select count(*) from {quoted(name)}") for name in names]  # noqa: S608 - quoted
        return sum(count for cursor in counts for (count,) in cursor)


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise NotSqlite(str(path))
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
        # a text that is no UTF-8 is a value that does not fit, and not the end
        source.text_factory = _text
        # one snapshot for all tables
        source.execute("begin")
        yield source


def _text(content: bytes) -> str | bytes:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _make_room(
    connection: psycopg.Connection[Any], targets: list[Target], *, replace: bool
) -> None:
    if replace:
        for target in reversed(targets):
            connection.execute(sql.SQL("delete from {}").format(sql.Identifier(target.name)))
        return
    filled = tuple(
        target.name
        for target in targets
        if connection.execute(
            sql.SQL("select from {} limit 1").format(sql.Identifier(target.name))
        ).fetchone()
        is not None
    )
    if filled:
        raise NotEmptyTables(filled)


class _Loading(NamedTuple):
    """A file, the database it goes into, and who hears how far it is."""

    file: sqlite3.Connection
    connection: psycopg.Connection[Any]
    told: Told

    def load(self, targets: list[Target]) -> tuple[list[Imported], list[Fault]]:
        """Fill the tables in order, or tell everything that keeps them from being filled."""
        imported: list[Imported] = []
        faults: list[Fault] = []
        left: set[str] = set()
        for target in targets:
            rows = self._fill(target) if not faults else None
            if rows is not None:
                imported.append(Imported(target.name, rows))
                continue
            # the server names one row; asked without the constraints, it names them all
            left.add(target.name)
            faults += find_faults(
                self.connection, target, partial(self._stage, target), frozenset(left)
            )
        return imported, faults

    def _fill(self, target: Target) -> int | None:
        faults: list[Fault] = []
        try:
            with self.connection.transaction():
                rows = self._copy(target, target.name, faults)
                if not faults:
                    return rows
                raise psycopg.Rollback
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
        return None

    def _stage(self, target: Target, stage: str) -> list[Fault]:
        faults: list[Fault] = []
        self._copy(target, stage, faults)
        return faults

    def _copy(self, target: Target, into: str, faults: list[Fault]) -> int:
        columns = [column.name for column in target.columns]
        converts = [converter(column) for column in target.columns]
        statement = sql.SQL("copy {} ({}) from stdin").format(
            sql.Identifier(into), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        listed = ", ".join(map(quoted, columns))
        rows = self.file.execute(f"select {listed} from {quoted(target.name)}")  # noqa: S608 - quoted
        count = 0
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            while chunk := rows.fetchmany(_ROWS):
                lines = [
                    _line(target, converts, row, number, faults)
                    for number, row in enumerate(chunk, start=count + 1)
                ]
                count += len(chunk)
                copy.write("".join(lines).encode())
                self.told(target.name, count)
        return count


def _line(
    target: Target,
    converts: list[Convert],
    row: tuple[Cell, ...],
    number: int,
    faults: list[Fault],
) -> str:
    cells: list[str] = []
    for column, convert, value in zip(target.columns, converts, row, strict=True):
        if value is None:
            if column.name in target.needed:
                fault = "is not there, and the column has no place for null"
                faults.append(Fault(target.name, number, column.name, "null", fault))
            cells.append("\\N")
            continue
        try:
            cells.append(convert(value).translate(_ESCAPED))
        except Misfit as misfit:
            cells.append("\\N")
            faults.append(Fault(target.name, number, column.name, shown(value), str(misfit)))
    return "\t".join(cells) + "\n"


def _set_sequences(connection: psycopg.Connection[Any], target: Target) -> None:
    with connection.cursor(row_factory=tuple_row) as cursor:
        table = sql.Identifier(target.name)
        found = cursor.execute(
            _SEQUENCES, {"table": table.as_string(cursor), "oid": target.oid}
        ).fetchall()
        for column, sequence in found:
            highest = sql.SQL("select max({}) from {}").format(sql.Identifier(column), table)
            [(last,)] = cursor.execute(highest).fetchall()
            if last is not None:
                cursor.execute("select setval(%s, %s)", (sequence, last))
