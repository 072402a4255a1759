"""Import a SQLite file in one transaction, or report every row that does not fit."""

import os
import re
import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.errors import (
    DoesNotFit,
    NotEmptyTables,
    NotSqlite,
    RowsWouldFollow,
    UnreadableSqlite,
)
from dbkit.operations.sqlite.tables import TargetTable, match_tables, quote_identifier
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
# a highest key that the sequence cannot give, such as 0, leaves it as it is
_SET_SEQUENCE = sql.SQL("""
select setval(seqrelid::regclass, highest)
from pg_sequence, ({highest}) as filled (highest)
where
    seqrelid = %(sequence)s::regclass
    and highest between seqmin and seqmax
""")
# a table like the one to fill, but without constraints: it takes the rows that COPY refuses
_STAGE = "_dbkit_stage"
# the column of the stage that numbers the rows
_ROW = "_dbkit_row"
# at most so many faults of one constraint or column: a person reads the report
_MAX_FAULTS = 1000
_MAKE_STAGE = """
create temp table {stage} on commit drop as select * from {table} with no data;
alter table {stage} add column {row} bigint generated always as identity
"""
_KEEP_AS_TEXT = "alter table {stage} alter column {column} type text"
_TYPE = """
select format_type(atttypid, atttypmod)
from pg_attribute
where
    attrelid = %s
    and attname = %s
"""
# an assignment, not a cast: a cast to varchar(n) would cut a text that is too long
_MAKE_READS = """
create or replace function pg_temp._dbkit_reads(cell text) returns text language plpgsql as $$
begin
    declare
        value {type} := cell;
    begin
        return null;
    end;
exception when others then
    return sqlerrm;
end $$
"""
_UNREAD = """
select
    staged.{row},
    staged.{column},
    judged.reason
from {stage} as staged
cross join lateral pg_temp._dbkit_reads(staged.{column}) as judged (reason)
where judged.reason is not null
order by 1
limit {max_faults}
"""
# the context of an error of COPY: "COPY runs, line 3, column status: ..."
_COPY_CONTEXT = re.compile(
    r"^COPY .*?, line (?P<row>\d+)(?:, column (?P<column>[^:]+): (?:\".*\"|null input))?",
    re.DOTALL | re.MULTILINE,
)
# check constraints and foreign keys, and the unique indexes that have plain columns
_CONSTRAINTS = """
select
    held.conname,
    held.contype::text,
    pg_get_expr(held.conbin, held.conrelid),
    held.confrelid::bigint,
    held.confrelid::regclass::text,
    array(
        select attribute.attname::text
        from unnest(held.conkey) with ordinality as key (attnum, position)
        inner join pg_attribute as attribute
            on
                attribute.attrelid = held.conrelid
                and attribute.attnum = key.attnum
        order by key.position
    ),
    array(
        select attribute.attname::text
        from unnest(held.confkey) with ordinality as key (attnum, position)
        inner join pg_attribute as attribute
            on
                attribute.attrelid = held.confrelid
                and attribute.attnum = key.attnum
        order by key.position
    )
from pg_constraint as held
where
    held.conrelid = %(oid)s
    and held.conparentid = 0
    and held.contype in ('c', 'f')
union all
select
    class.relname,
    'u',
    null,
    0,
    null,
    array(
        select attribute.attname::text
        from unnest(index.indkey::smallint[]) with ordinality as key (attnum, position)
        inner join pg_attribute as attribute
            on
                attribute.attrelid = index.indrelid
                and attribute.attnum = key.attnum
        where key.position <= index.indnkeyatts
        order by key.position
    ),
    '{}'
from pg_index as index
inner join pg_class as class on class.oid = index.indexrelid
where
    index.indrelid = %(oid)s
    and index.indisunique
    and index.indpred is null
    and index.indexprs is null
order by 2, 1
"""
_CHECK, _FOREIGN_KEY = "c", "f"

ShowRows = Callable[[str, int], object]
"""A function that shows a table and the number of its rows imported so far."""


class ImportedTable(NamedTuple):
    """How many rows were imported into one table."""

    table: str
    rows: int


class SqliteFile(NamedTuple):
    """The file to import, and its tables to leave out."""

    path: Path
    skipped: tuple[str, ...] = ()


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
    with _open(source.path) as file, connection.transaction(force_rollback=not keep):
        # the times of SQLite's own functions are in UTC and have no zone
        connection.execute("set local timezone = 'UTC'")
        connection.execute("set constraints all deferred")
        targets = match_tables(file, connection, source.skipped)
        if replace:
            _remove_rows(connection, targets)
        else:
            _refuse_filled_tables(connection, targets)
        importing = _Import(file, connection, show_rows)
        imported, faults = importing.fill(targets)
        faults = faults or importing.check_deferred(targets)
        if faults:
            raise DoesNotFit(str(source.path), tuple(map(str, faults)))
        for target in targets:
            _set_sequences(connection, target)
    return imported


def count_rows_of_file(file: Path) -> int:
    """Count the rows of all tables of a SQLite file, for a progress bar."""
    with _open(file) as source:
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
def _open(path: Path) -> Generator[sqlite3.Connection]:
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


def _remove_rows(connection: psycopg.Connection[Any], targets: list[TargetTable]) -> None:
    """Empty the tables, unless that would change rows that the file does not bring back."""
    oids = [target.oid for target in targets]
    with connection.cursor(row_factory=tuple_row) as cursor:
        dependent = cursor.execute(_DEPENDENT_TABLES, {"oids": oids}).fetchall()
        for child, schema, table, parent in dependent:
            if _has_rows(connection, sql.Identifier(schema, table)):
                raise RowsWouldFollow(child, parent)
    for target in reversed(targets):
        connection.execute(sql.SQL("delete from {}").format(sql.Identifier(target.name)))


def _refuse_filled_tables(connection: psycopg.Connection[Any], targets: list[TargetTable]) -> None:
    filled = tuple(
        target.name for target in targets if _has_rows(connection, sql.Identifier(target.name))
    )
    if filled:
        raise NotEmptyTables(filled)


def _has_rows(connection: psycopg.Connection[Any], table: sql.Identifier) -> bool:
    first = connection.execute(sql.SQL("select from {} limit 1").format(table)).fetchone()
    return first is not None


class _Import(NamedTuple):
    """The file, the database it is imported into, and the function that shows the progress."""

    file: sqlite3.Connection
    connection: psycopg.Connection[Any]
    show_rows: ShowRows

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
                if (fault := _fault_of(target, result)) is None:
                    raise result
                target_faults = [fault]
            faults += target_faults
        return imported, faults

    def check_deferred(self, targets: list[TargetTable]) -> list[RowFault]:
        """Check the deferred constraints now, and return every row that they refuse."""
        try:
            with self.connection.transaction():
                self.connection.execute("set constraints all immediate")
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

    def _find_faults(
        self, target: TargetTable, not_filled: frozenset[int] = frozenset()
    ) -> list[RowFault]:
        copy_into = partial(self._stage, target)
        return _find_faults_in_stage(self.connection, target, copy_into, not_filled)

    def _stage(self, target: TargetTable, stage: str) -> list[RowFault]:
        faults: list[RowFault] = []
        self._copy(target, stage, faults)
        return faults

    def _copy(self, target: TargetTable, into: str, faults: list[RowFault]) -> int:
        """Copy all rows of a table, with null for each misfit, which is added to the faults."""
        columns = [column.name for column in target.columns]
        converts = [converter(column) for column in target.columns]
        statement = sql.SQL("copy {} ({}) from stdin").format(
            sql.Identifier(into), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        source_columns = ", ".join(map(quote_identifier, target.source_columns))
        rows = self.file.execute(
            f"select {source_columns} from {quote_identifier(target.source_name)}"  # noqa: S608 - quoted
        )
        count = 0
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
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
                self.show_rows(target.name, count)
        return count


def _set_sequences(connection: psycopg.Connection[Any], target: TargetTable) -> None:
    """Let each sequence of a table go on after the highest imported key."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        table = sql.Identifier(target.name)
        sequences = cursor.execute(
            _SEQUENCES, {"table": table.as_string(cursor), "oid": target.oid}
        ).fetchall()
        for column, sequence in sequences:
            highest = sql.SQL("select max({}) from {}").format(sql.Identifier(column), table)
            cursor.execute(_SET_SEQUENCE.format(highest=highest), {"sequence": sequence})


class _Constraint(NamedTuple):
    name: str
    kind: str
    expression: str | None
    parent_oid: int
    parent: str | None
    columns: list[str]
    parent_columns: list[str]


def _find_faults_in_stage(
    connection: psycopg.Connection[Any],
    target: TargetTable,
    fill: Callable[[str], list[RowFault]],
    not_filled: frozenset[int],
) -> list[RowFault]:
    """Find every row that the types and constraints of a table refuse; COPY names only the first.

    The rows are copied into a table without constraints, and for each constraint the server is
    asked which of them it would refuse. `fill` copies the rows into the named table and returns
    the misfits. Foreign keys to tables in `not_filled` are not checked, as those are empty.
    """
    with connection.cursor(row_factory=tuple_row) as cursor, connection.transaction() as undone:
        faults, text_columns = _fill_stage(connection, target, fill)
        misfits = {(fault.row, fault.column) for fault in faults}
        for column in text_columns:
            unread = _find_unread(cursor, target, column)
            faults += [fault for fault in unread if (fault.row, column) not in misfits]
        for row in cursor.execute(_CONSTRAINTS, {"oid": target.oid}).fetchall():
            constraint = _Constraint(*row)
            can_check = constraint.parent_oid not in not_filled or (
                constraint.parent_oid == target.oid
            )
            if can_check and not text_columns & {*constraint.columns}:
                faults += _find_refused(cursor, target, constraint)
        raise psycopg.Rollback(undone)
    order = {column.name: index for index, column in enumerate(target.columns)}
    return sorted(faults, key=lambda fault: (fault.row, order.get(fault.column, len(order))))


def _fault_of(target: TargetTable, error: psycopg.Error) -> RowFault | None:
    """Return the row that the server refused, or None if the error is about something else."""
    context = _COPY_CONTEXT.search(error.diag.context or "")
    if context is None:
        return None
    parts = (error.diag.message_primary, error.diag.message_detail)
    return RowFault(target.name, int(context["row"]), "", "", "; ".join(filter(None, parts)))


def _fill_stage(
    connection: psycopg.Connection[Any],
    target: TargetTable,
    fill: Callable[[str], list[RowFault]],
) -> tuple[list[RowFault], set[str]]:
    """Fill the stage; return the misfits, and the columns that had to be of type text there.

    A column is text if the server met a value there that its type does not read. If an error
    names no column, all are, so that every row can be copied.
    """
    columns, text_columns = {column.name for column in target.columns}, set[str]()
    names = {
        "stage": sql.Identifier(_STAGE),
        "table": sql.Identifier(target.name),
        "row": sql.Identifier(_ROW),
    }
    while True:
        try:
            with connection.transaction():
                connection.execute(sql.SQL(_MAKE_STAGE).format(**names))
                for column in text_columns:
                    keep_as_text = sql.SQL(_KEEP_AS_TEXT)
                    connection.execute(keep_as_text.format(**names, column=sql.Identifier(column)))
                return fill(_STAGE), text_columns
        except psycopg.Error as error:
            context = _COPY_CONTEXT.search(error.diag.context or "")
            more = {context["column"]} if context and context["column"] else columns
            if context is None or more <= text_columns:
                raise
            text_columns |= more


def _find_unread(
    cursor: psycopg.Cursor[Any], target: TargetTable, column: str
) -> Iterable[RowFault]:
    """Ask the server for every value that a column's type does not read."""
    [(type_,)] = cursor.execute(_TYPE, (target.oid, column)).fetchall()
    cursor.execute(sql.SQL(_MAKE_READS).format(type=_server_sql(type_)))
    query = sql.SQL(_UNREAD).format(
        row=sql.Identifier(_ROW),
        column=sql.Identifier(column),
        stage=sql.Identifier(_STAGE),
        max_faults=sql.Literal(_MAX_FAULTS),
    )
    for row, value, reason in cursor.execute(query).fetchall():
        yield RowFault(target.name, row, column, shown(value), reason)


def _find_refused(
    cursor: psycopg.Cursor[Any], target: TargetTable, constraint: _Constraint
) -> Iterable[RowFault]:
    """Ask the server for every row that a constraint refuses."""
    values = sql.SQL(", ").join(
        sql.SQL("staged.{}::text").format(sql.Identifier(name)) for name in constraint.columns
    )
    query = sql.SQL(
        "select staged.{row}, concat_ws(', ', {values}) from {stage} as staged "
        "where {condition} order by 1 limit {max_faults}"
    ).format(
        row=sql.Identifier(_ROW),
        values=values if constraint.columns else sql.SQL("''"),
        stage=sql.Identifier(_STAGE),
        condition=_refusal_condition(target, constraint),
        max_faults=sql.Literal(_MAX_FAULTS),
    )
    try:
        with cursor.connection.transaction():
            rows = cursor.execute(query).fetchall()
    except psycopg.ProgrammingError:
        # a check of the whole row, for example, can only be evaluated on its own table
        return
    reason = _refusal_reason(constraint)
    for row, value in rows:
        yield RowFault(target.name, row, ", ".join(constraint.columns), shown(value), reason)


def _refusal_condition(target: TargetTable, constraint: _Constraint) -> sql.Composable:
    if constraint.kind == _CHECK:
        # the server's own expression, in which columns stand without their table
        return sql.SQL("not coalesce(({}), true)").format(_server_sql(constraint.expression))
    columns = [sql.SQL("staged.{}").format(sql.Identifier(name)) for name in constraint.columns]
    same_key = sql.SQL(" and ").join(
        sql.SQL("other.{} = {}").format(sql.Identifier(name), column)
        for name, column in zip(
            constraint.parent_columns or constraint.columns, columns, strict=True
        )
    )
    if constraint.kind == _FOREIGN_KEY:
        not_null = sql.SQL(" and ").join(
            sql.SQL("{} is not null").format(column) for column in columns
        )
        or_staged: sql.Composable = sql.SQL("")
        if constraint.parent_oid == target.oid:
            or_staged = sql.SQL(" union all select from {} as other where {}").format(
                sql.Identifier(_STAGE), same_key
            )
        return sql.SQL("{} and not exists (select from {} as other where {}{})").format(
            not_null,
            _server_sql(constraint.parent),
            same_key,
            or_staged,
        )
    return sql.SQL(
        "exists (select from {stage} as other where {same_key} and other.{row} < staged.{row})"
    ).format(stage=sql.Identifier(_STAGE), same_key=same_key, row=sql.Identifier(_ROW))


def _server_sql(text: str | None) -> sql.Composable:
    return sql.SQL(text or "true")  # pyright: ignore[reportArgumentType] - written by the server


def _refusal_reason(constraint: _Constraint) -> str:
    if constraint.kind == _CHECK:
        return f"is refused by {constraint.name}: {constraint.expression}"
    if constraint.kind == _FOREIGN_KEY:
        return f"refers to a row that {constraint.parent} does not have ({constraint.name})"
    return f"is there twice ({constraint.name})"
