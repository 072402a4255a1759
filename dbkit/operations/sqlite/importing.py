"""Import a SQLite file in one transaction, or report every row that does not fit."""

from functools import partial
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.errors import DoesNotFit, NotEmptyTables, RowsWouldFollow
from dbkit.operations.sqlite.sqlitefile import (
    RowFault,
    RowSource,
    ShowRows,
    SqliteFile,
    copy_rows,
    open_file,
    set_sequences,
)
from dbkit.operations.sqlite.staging import fault_of, find_faults_in_stage
from dbkit.operations.sqlite.tables import TargetTable, match_tables

# tables outside the import whose rows `on delete cascade`, set null or set default would change
_DEPENDENT_TABLES = """
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


class ImportedTable(NamedTuple):
    """How many rows were imported into one table."""

    table: str
    rows: int


def import_file(
    connection: psycopg.Connection[Any],
    source: SqliteFile,
    *,
    replace: bool = False,
    keep: bool = True,
    show_rows: ShowRows = lambda _table, _rows: None,
) -> list[ImportedTable]:
    """Fill the tables of a database with the rows of a file: all rows, or none.

    If a row does not fit, the import goes on to the last row, so that one run reports all faults.
    With `replace`, the present rows of the tables are removed first. Without `keep`, the
    transaction is rolled back at the end.
    """
    with open_file(source.path) as file, connection.transaction(force_rollback=not keep):
        # the times of SQLite's own functions are in UTC and have no zone
        connection.execute("set local timezone = 'UTC'")
        connection.execute("set constraints all deferred")
        targets = match_tables(file, connection, source.skipped)
        if replace:
            remove_rows(connection, targets)
        else:
            _refuse_filled_tables(connection, targets)
        importing = _Import(RowSource(file, connection, show_rows))
        imported, faults = importing.fill(targets)
        faults = faults or importing.check_deferred(targets)
        if faults:
            raise DoesNotFit(str(source.path), tuple(map(str, faults)))
        for target in targets:
            set_sequences(connection, target)
    return imported


def remove_rows(connection: psycopg.Connection[Any], targets: list[TargetTable]) -> None:
    """Empty the tables, unless that would change rows that the file does not bring back."""
    oids = [target.oid for target in targets]
    with connection.cursor(row_factory=tuple_row) as cursor:
        dependent = cursor.execute(_DEPENDENT_TABLES, {"oids": oids}).fetchall()
        for child, schema, table, parent in dependent:
            if has_rows(connection, sql.Identifier(schema, table)):
                raise RowsWouldFollow(child, parent)
    for target in reversed(targets):
        connection.execute(sql.SQL("delete from {}").format(sql.Identifier(target.name)))


def _refuse_filled_tables(connection: psycopg.Connection[Any], targets: list[TargetTable]) -> None:
    filled = tuple(
        target.name for target in targets if has_rows(connection, sql.Identifier(target.name))
    )
    if filled:
        raise NotEmptyTables(filled)


def has_rows(connection: psycopg.Connection[Any], table: sql.Identifier) -> bool:
    """Say whether a table has a row."""
    first = connection.execute(sql.SQL("select from {} limit 1").format(table)).fetchone()
    return first is not None


class _Import(NamedTuple):
    """An import of all rows or none."""

    source: RowSource

    def fill(self, targets: list[TargetTable]) -> tuple[list[ImportedTable], list[RowFault]]:
        """Fill the tables in order, or return every row that keeps them from being filled."""
        imported: list[ImportedTable] = []
        faults: list[RowFault] = []
        not_filled: set[int] = set()
        for target in targets:
            result = self._fill(target) if not faults else None
            if isinstance(result, int):
                imported.append(ImportedTable(target.name, result))
                continue
            # COPY names one row; the check without constraints finds them all
            not_filled.add(target.oid)
            target_faults = self._find_faults(target, frozenset(not_filled))
            if result is not None and not target_faults:
                # only the table itself refuses the row, by a trigger or a partition
                if (fault := fault_of(target, result)) is None:
                    raise result
                target_faults = [fault]
            faults += target_faults
        return imported, faults

    def check_deferred(self, targets: list[TargetTable]) -> list[RowFault]:
        """Check the deferred constraints now, and return every row that they refuse."""
        try:
            with self.source.connection.transaction():
                self.source.connection.execute("set constraints all immediate")
        except psycopg.errors.IntegrityError:
            faults = [fault for target in targets for fault in self._find_faults(target)]
            if not faults:
                raise
            return faults
        return []

    def _fill(self, target: TargetTable) -> int | psycopg.Error | None:
        """Return the number of rows copied, the server's error, or None if a value is a misfit."""
        faults: list[RowFault] = []
        try:
            with self.source.connection.transaction():
                rows = copy_rows(self.source, target, target.name, faults)
                if not faults:
                    return rows
                raise psycopg.Rollback
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            return error
        return None

    def _find_faults(
        self, target: TargetTable, not_filled: frozenset[int] = frozenset()
    ) -> list[RowFault]:
        copy_into = partial(self._stage, target)
        return find_faults_in_stage(self.source.connection, target, copy_into, not_filled)

    def _stage(self, target: TargetTable, stage: str) -> list[RowFault]:
        faults: list[RowFault] = []
        copy_rows(self.source, target, stage, faults)
        return faults
