"""Stream a SQLite file into a database in one transaction, and report what does not fit."""

import os
import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.sqlite.cells import write_cells
from dbkit.operations.sqlite.errors import (
    DoesNotFit,
    NotEmptyTables,
    NotSqlite,
    RowsWouldFollow,
    UnreadableSqlite,
)
from dbkit.operations.sqlite.faults import RowFault, fault_of, find_faults
from dbkit.operations.sqlite.tables import Target, match_tables, quoted
from dbkit.operations.sqlite.values import converter, shown

_MAGIC = b"SQLite format 3\0"
_ROWS = 2_000
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
# cascade, set null and set default reach into tables that nobody named
_FOLLOWING = """
select
    conrelid::regclass::text,
    namespace.nspname,
    class.relname,
    confrelid::regclass::text
from pg_constraint
inner join pg_class as class on class.oid = conrelid
inner join pg_namespace as namespace on namespace.oid = class.relnamespace
where
    contype = 'f'
    and conparentid = 0
    and confdeltype in ('c', 'n', 'd')
    and confrelid = any(%(oids)s::oid[])
    and not conrelid = any(%(oids)s::oid[])
order by 1, 4
"""
# keys that no sequence gives, as 0, leave it where it is
_SET_SEQUENCE = sql.SQL("""
select setval(seqrelid::regclass, highest)
from pg_sequence, ({highest}) as found (highest)
where
    seqrelid = %(sequence)s::regclass
    and highest between seqmin and seqmax
""")
Told = Callable[[str, int], object]


class Imported(NamedTuple):
    """How many rows went into one table."""

    table: str
    rows: int


class SqliteFile(NamedTuple):
    """What is imported, and how."""

    file: Path
    skipped: tuple[str, ...] = ()
    # whether what the tables hold is removed first
    replace: bool = False


def import_file(
    connection: psycopg.Connection[Any],
    source: SqliteFile,
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
        loading = _Loading(file, connection, told)
        imported, faults = loading.load(targets)
        faults = faults or loading.settle(targets)
        if faults:
            raise DoesNotFit(str(source.file), tuple(map(str, faults)))
        for target in targets:
            _set_sequences(connection, target)
    return imported


def count_rows(file: Path, tables: Iterable[str] = ()) -> int:
    """Count the rows of a file, for a bar that shows how far it is."""
    with _opened(file) as source:
        names = list(tables) or [
            # a virtual one may want a module that is not here
            name
            for (name,) in source.execute(
                "select name from sqlite_master "
                "where type = 'table' and sql not like 'create virtual table%'"
            )
        ]
        counts = [source.execute(f"select count(*) from {quoted(name)}") for name in names]  # noqa: S608 - quoted
        return sum(count for cursor in counts for (count,) in cursor)


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise NotSqlite(str(path))
    mode = "mode=ro"
    if not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists():
        # a file in WAL mode wants one beside it even to be read; nobody can be writing here
        mode += "&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as source:
            # a text that is no UTF-8 is a value that does not fit, and not the end
            source.text_factory = _text
            # one snapshot for all tables
            source.execute("begin")
            yield source
    except sqlite3.Error as error:
        raise UnreadableSqlite(str(path), str(error)) from error


def _text(content: bytes) -> str | bytes:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _make_room(
    connection: psycopg.Connection[Any], targets: list[Target], *, replace: bool
) -> None:
    if replace:
        _refuse_to_cascade(connection, targets)
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


def _refuse_to_cascade(connection: psycopg.Connection[Any], targets: list[Target]) -> None:
    """Refuse to remove what would take rows along that the file does not bring back."""
    oids = [target.oid for target in targets]
    with connection.cursor(row_factory=tuple_row) as cursor:
        for child, schema, table, parent in cursor.execute(_FOLLOWING, {"oids": oids}).fetchall():
            first = sql.SQL("select from {} limit 1").format(sql.Identifier(schema, table))
            if cursor.execute(first).fetchone() is not None:
                raise RowsWouldFollow(child, parent)


class _Loading(NamedTuple):
    """A file, the database it goes into, and who hears how far it is."""

    file: sqlite3.Connection
    connection: psycopg.Connection[Any]
    told: Told

    def load(self, targets: list[Target]) -> tuple[list[Imported], list[RowFault]]:
        """Fill the tables in order, or tell everything that keeps them from being filled."""
        imported: list[Imported] = []
        faults: list[RowFault] = []
        left: set[int] = set()
        for target in targets:
            filled = self._fill(target) if not faults else None
            if isinstance(filled, int):
                imported.append(Imported(target.name, filled))
                continue
            # the server names one row; asked without the constraints, it names them all
            left.add(target.oid)
            found = self._find(target, frozenset(left))
            if filled is not None and not found:
                # a trigger, say, or a partition: only the table itself refuses it
                if (fault := fault_of(target, filled)) is None:
                    raise filled
                found = [fault]
            faults += found
        return imported, faults

    def settle(self, targets: list[Target]) -> list[RowFault]:
        """Have what was deferred looked at now, and tell of every row that it refuses."""
        try:
            with self.connection.transaction():
                self.connection.execute("set constraints all immediate")
        except psycopg.errors.IntegrityError:
            faults = [fault for target in targets for fault in self._find(target)]
            if not faults:
                raise
            return faults
        return []

    def _fill(self, target: Target) -> int | psycopg.Error | None:
        """Return how many rows went in; what the server said; or None where values do not fit."""
        faults: list[RowFault] = []
        try:
            with self.connection.transaction():
                rows = self._copy(target, target.name, faults)
                if not faults:
                    return rows
                raise psycopg.Rollback
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            return error
        return None

    def _find(self, target: Target, left: frozenset[int] = frozenset()) -> list[RowFault]:
        return find_faults(self.connection, target, partial(self._stage, target), left)

    def _stage(self, target: Target, stage: str) -> list[RowFault]:
        faults: list[RowFault] = []
        self._copy(target, stage, faults)
        return faults

    def _copy(self, target: Target, into: str, faults: list[RowFault]) -> int:
        columns = [column.name for column in target.columns]
        converts = [converter(column) for column in target.columns]
        statement = sql.SQL("copy {} ({}) from stdin").format(
            sql.Identifier(into), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        taken = ", ".join(map(quoted, target.taken))
        rows = self.file.execute(f"select {taken} from {quoted(target.source)}")  # noqa: S608 - quoted
        count = 0
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            while chunk := rows.fetchmany(_ROWS):
                written: list[list[str]] = []
                for column, convert, values in zip(
                    target.columns, converts, zip(*chunk, strict=True), strict=True
                ):
                    is_needed = column.name in target.needed
                    cells, misfits = write_cells(values, convert, needed=is_needed)
                    written.append(cells)
                    faults += [
                        RowFault(
                            target.name, count + place + 1, column.name, shown(values[place]), why
                        )
                        for place, why in misfits.items()
                    ]
                lines = "\n".join(map("\t".join, zip(*written, strict=True)))
                copy.write(f"{lines}\n".encode())
                count += len(chunk)
                self.told(target.name, count)
        return count


def _set_sequences(connection: psycopg.Connection[Any], target: Target) -> None:
    with connection.cursor(row_factory=tuple_row) as cursor:
        table = sql.Identifier(target.name)
        found = cursor.execute(
            _SEQUENCES, {"table": table.as_string(cursor), "oid": target.oid}
        ).fetchall()
        for column, sequence in found:
            highest = sql.SQL("select max({}) from {}").format(sql.Identifier(column), table)
            cursor.execute(_SET_SEQUENCE.format(highest=highest), {"sequence": sequence})
