"""Import the rows of a SQLite file that fit, and name each row that does not, or was changed.

Each table is a transaction: its rows are copied into a stage without constraints, what the
constraints would refuse is taken out and named, and the rest goes into the table. A row that the
table already has is passed over, so a second run goes on where the first one ended.
"""

from collections.abc import Generator, Iterable
from contextlib import nullcontext
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.errors import FaultyChange, NotEmptyTables
from dbkit.operations.sqlite.importing import has_rows, remove_rows
from dbkit.operations.sqlite.sqlitefile import (
    Change,
    RowFault,
    RowSource,
    ShowRows,
    SqliteFile,
    copy_rows,
    open_file,
    set_sequences,
)
from dbkit.operations.sqlite.staging import (
    ROW,
    STAGE,
    UNIQUE,
    Constraint,
    fill_stage,
    find_refused,
    find_taken,
    find_unread,
    read_constraints,
    read_type,
    server_sql,
)
from dbkit.operations.sqlite.tables import TargetTable, match_tables
from dbkit.operations.sqlite.values import shown

# columns that take no null, with what they get instead of one
_DEFAULTS = """
select
    attribute.attname,
    pg_get_expr(held.adbin, held.adrelid)
from pg_attribute as attribute
inner join pg_attrdef as held
    on
        held.adrelid = attribute.attrelid
        and held.adnum = attribute.attnum
where
    attribute.attrelid = %s
    and attribute.attnotnull
    and attribute.attgenerated = ''
order by attribute.attnum
"""
# unique indexes whose columns take no null, the primary key first
_KEYS = """
select
    array(
        select attribute.attname::text
        from unnest(index.indkey::smallint[]) with ordinality as key (attnum, position)
        inner join pg_attribute as attribute
            on
                attribute.attrelid = index.indrelid
                and attribute.attnum = key.attnum
        where key.position <= index.indnkeyatts
        order by key.position
    )
from pg_index as index
where
    index.indrelid = %(oid)s
    and index.indisunique
    and index.indpred is null
    and index.indexprs is null
    and not exists (
        select
        from pg_attribute as attribute
        where
            attribute.attrelid = index.indrelid
            and attribute.attnum = any(index.indkey)
            and not attribute.attnotnull
    )
order by not index.indisprimary, index.indexrelid
"""
# references of a table to itself that are forgotten when the row they refer to is deleted, with
# the columns that are set to null then
_FORGOTTEN = """
select
    held.conname,
    (
        select array_agg(attribute.attname::text order by set_null.position)
        from unnest(coalesce(held.confdelsetcols, held.conkey)) with ordinality
            as set_null (attnum, position)
        inner join pg_attribute as attribute
            on
                attribute.attrelid = held.conrelid
                and attribute.attnum = set_null.attnum
    )
from pg_constraint as held
where
    held.conrelid = %s
    and held.confrelid = held.conrelid
    and held.contype = 'f'
    and held.confdeltype = 'n'
"""
# a join: the list itself would be read anew for each row of the stage
_IS_GIVEN = sql.SQL("{} in (select unnest(%s::bigint[]))").format(sql.Identifier(ROW))
# what an error of these classes says is about one row: its data, a constraint, a trigger
_ABOUT_A_ROW = ("22", "23", "44", "P0")


class RowChange(NamedTuple):
    """One value of the file that came into the database as another one."""

    table: str
    # in the order in which SQLite returns them, from 1
    row: int
    column: str
    before: str
    after: str

    def __str__(self) -> str:
        return (
            f"table {self.table}, row {self.row}, column {self.column}: {self.before} {self.after}"
        )


class FittedTable(NamedTuple):
    """What became of the rows of one table."""

    table: str
    imported: int
    # rows that the database had already
    known: int
    changes: list[RowChange]
    # all that is wrong with the rows that were refused, and how many rows they are
    refused: list[RowFault]
    refused_rows: int


def import_what_fits(
    connection: psycopg.Connection[Any],
    source: SqliteFile,
    *,
    replace: bool = False,
    keep: bool = True,
    show_rows: ShowRows = lambda _table, _rows: None,
) -> Generator[FittedTable]:
    """Fill the tables with the rows that fit, and yield each when it is committed.

    With `replace`, which removes the present rows first, or without `keep`, which takes all of it
    back at the end, everything is one transaction.
    """
    whole = connection.transaction(force_rollback=not keep) if replace or not keep else None
    with open_file(source.path) as file, whole or nullcontext():
        targets = match_tables(file, connection, source.skipped)
        _refuse_unknown(source.changes, targets)
        if replace:
            remove_rows(connection, targets)
        opened = RowSource(file, connection, show_rows)
        for target in targets:
            yield _fill(opened, target, source.changes)


def _refuse_unknown(changes: Iterable[Change], targets: Iterable[TargetTable]) -> None:
    columns = {(target.name, column.name) for target in targets for column in target.columns}
    for change in changes:
        if (change.table, change.column) not in columns:
            raise FaultyChange(
                f"{change.table}.{change.column}", "the file fills no column of this name"
            )


def _fill(source: RowSource, target: TargetTable, changes: Iterable[Change]) -> FittedTable:
    with (
        source.connection.transaction(),
        source.connection.cursor(row_factory=tuple_row) as cursor,
    ):
        # the times of SQLite's own functions are in UTC and have no zone
        cursor.execute("set local timezone = 'UTC'")
        # a row that a deferred constraint refuses is to be named, not to end the transaction
        cursor.execute("set constraints all immediate")
        table = _Fitting(source, target, cursor)
        result = table.fill([change for change in changes if change.table == target.name])
        cursor.execute(_sql("drop table {stage}", target))
    return result


class _Fitting:
    """One table on its way: its rows in the stage, and what was said of them so far."""

    def __init__(
        self, source: RowSource, target: TargetTable, cursor: psycopg.Cursor[tuple[Any, ...]]
    ) -> None:
        self._source = source
        self._target = target
        self._cursor = cursor
        self._changes: list[RowChange] = []
        self._refused: list[RowFault] = []
        # rows of the stage that are taken out when all that is to be said of them is said
        self._pending: set[int] = set()

    def fill(self, changes: Iterable[Change]) -> FittedTable:
        self._stage_rows()
        defaults = self._read_defaults()
        for change in changes:
            self._change(change)
        # while the rows that are refused are in the stage: what refers to them waits for them
        self._forget_references()
        self._take_out()
        known = self._pass_over_known(defaults)
        for column, default in defaults.items():
            self._fill_nulls(column, default)
        self._refuse_nulls()
        self._refuse_by_constraints()
        imported = self._insert()
        set_sequences(self._source.connection, self._target)
        refused = sorted(self._refused, key=lambda fault: fault.row)
        refused_rows = {fault.row for fault in refused}
        kept = [change for change in self._changes if change.row not in refused_rows]
        return FittedTable(
            self._target.name,
            imported,
            known,
            sorted(kept, key=lambda change: change.row),
            refused,
            len(refused_rows),
        )

    def _stage_rows(self) -> None:
        # a null is looked at in the stage, where it may have become something else
        target = self._target._replace(not_null=frozenset())

        def fill(stage: str) -> list[RowFault]:
            faults: list[RowFault] = []
            copy_rows(self._source, target, stage, faults)
            return faults

        faults, text_columns = fill_stage(self._source.connection, target, fill)
        misfits = {(fault.row, fault.column) for fault in faults}
        for column in sorted(text_columns):
            unread = find_unread(self._cursor, target, column, most=None)
            faults += [fault for fault in unread if (fault.row, fault.column) not in misfits]
            refused = [fault.row for fault in faults if fault.column == column]
            self._read_column(column, refused)
        self._refuse(faults)
        # for the insertion in parts, down to single rows
        self._cursor.execute(self._sql("create unique index on {stage} ({row})"))
        # or the server takes a table without statistics for a small one
        self._cursor.execute(self._sql("analyze {stage}"))

    def _read_column(self, column: str, unread: list[int]) -> None:
        """Give a column of the stage, which was text, its type again; what is unread is null."""
        self._cursor.execute(
            self._sql("update {stage} set {column} = null where {is_given}", column), [unread]
        )
        type_ = read_type(self._cursor, self._target, column)
        self._cursor.execute(
            self._sql(
                "alter table {stage} alter column {column} type {type} using {column}::{type}",
                column,
                type=type_,
            )
        )

    def _refuse(self, faults: Iterable[RowFault]) -> None:
        for fault in faults:
            self._refused.append(fault)
            self._pending.add(fault.row)

    def _take_out(self) -> None:
        self._cursor.execute(self._sql("delete from {stage} where {is_given}"), [[*self._pending]])
        self._pending.clear()

    def _read_defaults(self) -> dict[str, str]:
        """Return the columns whose nulls get a default; a key has to be in the file."""
        columns = {column.name for column in self._target.columns}
        defaults = self._cursor.execute(_DEFAULTS, [self._target.oid]).fetchall()
        key = self._find_key() or []
        return {name: text for name, text in defaults if name in columns and name not in key}

    def _change(self, change: Change) -> None:
        """Let a column's values become what the expression says."""
        expression = sql.SQL(change.expression)  # pyright: ignore[reportArgumentType] - the caller's own SQL
        statement = self._sql(
            "with changed as ("
            "select {row}, {column} as before, ({expression}) as after from {stage}) "
            "update {stage} as staged set {column} = changed.after from changed "
            "where staged.{row} = changed.{row} and changed.after is distinct from changed.before "
            "returning staged.{row}, changed.before::text, staged.{column}::text",
            change.column,
            expression=expression,
        )
        try:
            with self._source.connection.transaction():
                rows = self._cursor.execute(statement).fetchall()
        except psycopg.Error as error:
            reason = error.diag.message_primary or str(error)
            raise FaultyChange(f"{change.table}.{change.column}", reason) from error
        self._changed(change.column, rows)

    def _changed(self, column: str, rows: Iterable[tuple[int, str | None, str | None]]) -> None:
        for row, before, after in rows:
            became = f"became {shown(after)}"
            self._changes.append(RowChange(self._target.name, row, column, shown(before), became))

    def _forget_references(self) -> None:
        """Forget a reference to a row of the same table that is gone, as its deletion would have.

        A row that the file has, but that is refused, is not gone.
        """
        references: dict[str, list[str]] = dict(
            self._cursor.execute(_FORGOTTEN, [self._target.oid]).fetchall()
        )
        for constraint in read_constraints(self._cursor, self._target):
            for column in references.get(constraint.name, []):
                self._forget(constraint, column)

    def _forget(self, constraint: Constraint, column: str) -> None:
        filled = {filled_column.name for filled_column in self._target.columns}
        if not {*constraint.columns} <= filled:
            return
        gone = list(find_refused(self._cursor, self._target, constraint, most=None))
        values = self._cursor.execute(
            self._sql("select {row}, {column}::text from {stage} where {is_given}", column),
            [[fault.row for fault in gone]],
        ).fetchall()
        self._cursor.execute(
            self._sql("update {stage} set {column} = null where {is_given}", column),
            [[row for row, _ in values]],
        )
        for row, value in values:
            reason = f"became null: {self._target.name} has no such row ({constraint.name})"
            self._changes.append(RowChange(self._target.name, row, column, shown(value), reason))

    def _find_key(self) -> list[str] | None:
        """Return the columns by which a row is known again, or None if the file has no key."""
        filled = {column.name for column in self._target.columns}
        for (columns,) in self._cursor.execute(_KEYS, {"oid": self._target.oid}).fetchall():
            if {*columns} <= filled:
                return [*columns]
        return None

    def _pass_over_known(self, may_be_null: Iterable[str]) -> int:
        """Take out the rows that the table has, and refuse those whose key has other values there.

        Where the file has a null that becomes a default, any value is an earlier run's default.
        """
        key = self._find_key()
        if key is None:
            if has_rows(self._source.connection, sql.Identifier(self._target.name)):
                raise NotEmptyTables((self._target.name,))
            return 0
        same_key = sql.SQL(" and ").join(
            sql.SQL("staged.{column} = present.{column}").format(column=sql.Identifier(column))
            for column in key
        )
        differences = sql.SQL(", ").join(
            self._difference(column.name, may_be_null)
            for column in self._target.columns
            if column.name not in key
        )
        joined = self._sql(
            "from {stage} as staged inner join {table} as present on {same_key} "
            "cross join lateral (select array_remove(array[{differences}]::text[], null)) "
            "as compared (columns)",
            same_key=same_key,
            differences=differences,
        )
        differing = self._cursor.execute(
            self._sql(
                "select staged.{row}, compared.columns {joined} "
                "where compared.columns <> '{{}}' order by 1",
                joined=joined,
            )
        ).fetchall()
        self._refuse(
            RowFault(
                self._target.name,
                row,
                "",
                "",
                f"the database has a row with the same {', '.join(key)} and another "
                f"{', '.join(columns)}",
            )
            for row, columns in differing
        )
        self._take_out()
        known = self._cursor.execute(
            self._sql(
                "delete from {stage} where {row} in (select staged.{row} {joined})", joined=joined
            )
        ).rowcount
        changed = [change.row for change in self._changes]
        left = self._cursor.execute(
            self._sql("select {row} from {stage} where {is_given}"), [changed]
        ).fetchall()
        rows_left = {row for (row,) in left}
        self._changes = [change for change in self._changes if change.row in rows_left]
        return known

    def _difference(self, column: str, may_be_null: Iterable[str]) -> sql.Composable:
        """Return an expression that gives the column's name if the two values differ."""
        filled = "staged.{column} is not null and " if column in may_be_null else ""
        return self._sql(
            f"case when {filled}"
            "staged.{column}::text is distinct from present.{column}::text then {name} end",
            column,
            name=sql.Literal(column),
        )

    def _fill_nulls(self, column: str, default: str) -> None:
        rows = self._cursor.execute(
            self._sql(
                "update {stage} set {column} = {default} where {column} is null "
                "returning {row}, null, {column}::text",
                column,
                default=server_sql(default),
            )
        ).fetchall()
        self._changed(column, rows)

    def _refuse_nulls(self) -> None:
        for column in self._target.columns:
            if column.name in self._target.not_null:
                rows = self._cursor.execute(
                    self._sql("select {row} from {stage} where {column} is null", column.name)
                ).fetchall()
                self._refuse(
                    RowFault(
                        self._target.name,
                        row,
                        column.name,
                        "null",
                        "is refused, because the column takes no null",
                    )
                    for (row,) in rows
                )
        self._take_out()

    def _refuse_by_constraints(self) -> None:
        """Refuse what a constraint refuses, until none does: what referred to it goes as well."""
        constraints = read_constraints(self._cursor, self._target)
        for constraint in constraints:
            if constraint.kind == UNIQUE:
                self._refuse(find_taken(self._cursor, self._target, constraint))
        self._take_out()
        while True:
            found = [
                fault
                for constraint in constraints
                for fault in find_refused(self._cursor, self._target, constraint, most=None)
            ]
            if not found:
                return
            self._refuse(found)
            self._take_out()

    def _insert(self) -> int:
        """Insert what is left, and refuse what only the table itself refuses, row by row."""
        [(last,)] = self._cursor.execute(
            self._sql("select coalesce(max({row}), 0) from {stage}")
        ).fetchall()
        imported, waiting = self._insert_parts([(1, last)])
        # a row may have come before the one it refers to
        while waiting:
            more, waiting = self._insert_parts([(fault.row, fault.row) for fault in waiting])
            imported += more
            if not more:
                break
        self._refuse(waiting)
        return imported

    def _insert_parts(self, parts: list[tuple[int, int]]) -> tuple[int, list[RowFault]]:
        """Insert the rows of each part; one that is refused is halved, down to single rows."""
        imported, faults = 0, list[RowFault]()
        parts.reverse()
        while parts:
            first, last = parts.pop()
            try:
                with self._source.connection.transaction():
                    imported += self._cursor.execute(self._insertion(), [first, last]).rowcount
            except psycopg.Error as error:
                if not (error.sqlstate or "").startswith(_ABOUT_A_ROW):
                    raise
                middle = (first + last) // 2
                if first < last:
                    parts += [(middle + 1, last), (first, middle)]
                    continue
                told = (error.diag.message_primary, error.diag.message_detail)
                reason = "; ".join(filter(None, told))
                faults.append(RowFault(self._target.name, first, "", "", reason))
        return imported, faults

    def _insertion(self) -> sql.Composed:
        columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in self._target.columns)
        return self._sql(
            "insert into {table} ({columns}) select {columns} from {stage} "
            "where {row} between %s and %s order by {row}",
            columns=columns,
        )

    def _sql(self, text: str, column: str = "", **parts: sql.Composable) -> sql.Composed:
        return _sql(text, self._target, column, **parts)


def _sql(text: str, target: TargetTable, column: str = "", **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(  # pyright: ignore[reportArgumentType] - texts of this module
        stage=sql.Identifier(STAGE),
        table=sql.Identifier(target.name),
        row=sql.Identifier(ROW),
        column=sql.Identifier(column),
        is_given=_IS_GIVEN,
        **parts,
    )
