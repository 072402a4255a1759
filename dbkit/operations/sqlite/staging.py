"""Find every row of a table that its types and constraints refuse; COPY names only the first."""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.sqlite.sqlitefile import RowFault
from dbkit.operations.sqlite.tables import TargetTable
from dbkit.operations.sqlite.values import shown

# a table like the one to fill, but without constraints: it takes the rows that COPY refuses
STAGE = "_dbkit_stage"
# the column of the stage that numbers the rows
ROW = "_dbkit_row"
# at most so many faults of one constraint or column: a person reads the report
_MAX_FAULTS = 1000
_MAKESTAGE = """
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
_CHECK, _FOREIGN_KEY, UNIQUE = "c", "f", "u"


class Constraint(NamedTuple):
    """A check, a foreign key, or a unique index of plain columns."""

    name: str
    kind: str
    expression: str | None
    parent_oid: int
    parent: str | None
    columns: list[str]
    parent_columns: list[str]


def find_faults_in_stage(
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
        faults, text_columns = fill_stage(connection, target, fill)
        misfits = {(fault.row, fault.column) for fault in faults}
        for column in text_columns:
            unread = find_unread(cursor, target, column)
            faults += [fault for fault in unread if (fault.row, column) not in misfits]
        for constraint in read_constraints(cursor, target):
            can_check = constraint.parent_oid not in not_filled or (
                constraint.parent_oid == target.oid
            )
            if can_check and not text_columns & {*constraint.columns}:
                faults += find_refused(cursor, target, constraint)
        raise psycopg.Rollback(undone)
    order = {column.name: index for index, column in enumerate(target.columns)}
    return sorted(faults, key=lambda fault: (fault.row, order.get(fault.column, len(order))))


def read_constraints(cursor: psycopg.Cursor[Any], target: TargetTable) -> list[Constraint]:
    """Return the constraints of a table that can be looked up for rows of the stage."""
    rows = cursor.execute(_CONSTRAINTS, {"oid": target.oid}).fetchall()
    return [Constraint(*row) for row in rows]


def fill_stage(
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
        "stage": sql.Identifier(STAGE),
        "table": sql.Identifier(target.name),
        "row": sql.Identifier(ROW),
    }
    while True:
        try:
            with connection.transaction():
                connection.execute(sql.SQL(_MAKESTAGE).format(**names))
                for column in text_columns:
                    keep_as_text = sql.SQL(_KEEP_AS_TEXT)
                    connection.execute(keep_as_text.format(**names, column=sql.Identifier(column)))
                return fill(STAGE), text_columns
        except psycopg.Error as error:
            context = _COPY_CONTEXT.search(error.diag.context or "")
            more = {context["column"]} if context and context["column"] else columns
            if context is None or more <= text_columns:
                raise
            text_columns |= more


def read_type(cursor: psycopg.Cursor[Any], target: TargetTable, column: str) -> sql.Composable:
    """Return the type of a column of the table, which the stage may have as text."""
    [(type_,)] = cursor.execute(_TYPE, (target.oid, column)).fetchall()
    return server_sql(type_)


def find_unread(
    cursor: psycopg.Cursor[Any],
    target: TargetTable,
    column: str,
    *,
    most: int | None = _MAX_FAULTS,
) -> Iterable[RowFault]:
    """Ask the server for every value that a column's type does not read."""
    cursor.execute(sql.SQL(_MAKE_READS).format(type=read_type(cursor, target, column)))
    query = sql.SQL(_UNREAD).format(
        row=sql.Identifier(ROW),
        column=sql.Identifier(column),
        stage=sql.Identifier(STAGE),
        max_faults=sql.Literal(most),
    )
    for row, value, reason in cursor.execute(query).fetchall():
        yield RowFault(target.name, row, column, shown(value), reason)


def find_refused(
    cursor: psycopg.Cursor[Any],
    target: TargetTable,
    constraint: Constraint,
    *,
    most: int | None = _MAX_FAULTS,
) -> Iterable[RowFault]:
    """Ask the server for every row that a constraint refuses."""
    condition = _refusal_condition(target, constraint)
    return _find(cursor, target, constraint, condition, _refusal_reason(constraint), most)


def find_taken(
    cursor: psycopg.Cursor[Any], target: TargetTable, constraint: Constraint
) -> Iterable[RowFault]:
    """Ask the server for every row whose key, in a unique index, a row of the table has."""
    same_key = _same_key(constraint, constraint.columns)
    condition = sql.SQL("exists (select from {table} as other where {same_key})").format(
        table=sql.Identifier(target.name), same_key=same_key
    )
    reason = f"is the key of another row of {target.name} ({constraint.name})"
    return _find(cursor, target, constraint, condition, reason, None)


def _find(  # noqa: PLR0913, PLR0917 - the parts of a query
    cursor: psycopg.Cursor[Any],
    target: TargetTable,
    constraint: Constraint,
    condition: sql.Composable,
    reason: str,
    most: int | None,
) -> Iterable[RowFault]:
    values = sql.SQL(", ").join(
        sql.SQL("staged.{}::text").format(sql.Identifier(name)) for name in constraint.columns
    )
    query = sql.SQL(
        "select staged.{row}, concat_ws(', ', {values}) from {stage} as staged "
        "where {condition} order by 1 limit {max_faults}"
    ).format(
        row=sql.Identifier(ROW),
        values=values if constraint.columns else sql.SQL("''"),
        stage=sql.Identifier(STAGE),
        condition=condition,
        max_faults=sql.Literal(most),
    )
    try:
        with cursor.connection.transaction():
            rows = cursor.execute(query).fetchall()
    except psycopg.ProgrammingError:
        # a check of the whole row, for example, can only be evaluated on its own table
        return
    for row, value in rows:
        yield RowFault(target.name, row, ", ".join(constraint.columns), shown(value), reason)


def _refusal_condition(target: TargetTable, constraint: Constraint) -> sql.Composable:
    if constraint.kind == _CHECK:
        # the server's own expression, in which columns stand without their table
        return sql.SQL("not coalesce(({}), true)").format(server_sql(constraint.expression))
    same_key = _same_key(constraint, constraint.parent_columns or constraint.columns)
    if constraint.kind == _FOREIGN_KEY:
        not_null = sql.SQL(" and ").join(
            sql.SQL("staged.{} is not null").format(sql.Identifier(name))
            for name in constraint.columns
        )
        parents = [server_sql(constraint.parent)]
        if constraint.parent_oid == target.oid:
            parents.append(sql.Identifier(STAGE))
        # one after the other, so that each can be a join; for a union every row is looked up
        missing = [
            sql.SQL("not exists (select from {} as other where {})").format(parent, same_key)
            for parent in parents
        ]
        return sql.SQL(" and ").join([not_null, *missing])
    keys = [sql.Identifier(name) for name in constraint.columns]
    return sql.SQL(
        "staged.{row} in (select numbered.{row} from ("
        "select {row}, row_number() over (partition by {key} order by {row}) as place "
        "from {stage} where {not_null}) as numbered where numbered.place > 1)"
    ).format(
        row=sql.Identifier(ROW),
        key=sql.SQL(", ").join(keys),
        stage=sql.Identifier(STAGE),
        not_null=sql.SQL(" and ").join(sql.SQL("{} is not null").format(key) for key in keys),
    )


def _same_key(constraint: Constraint, other_columns: list[str]) -> sql.Composable:
    return sql.SQL(" and ").join(
        sql.SQL("other.{} = staged.{}").format(sql.Identifier(other), sql.Identifier(name))
        for other, name in zip(other_columns, constraint.columns, strict=True)
    )


def server_sql(text: str | None) -> sql.Composable:
    """Return a text that the server wrote as a part of a statement."""
    return sql.SQL(text or "true")  # pyright: ignore[reportArgumentType] - written by the server


def _refusal_reason(constraint: Constraint) -> str:
    if constraint.kind == _CHECK:
        return f"is refused by {constraint.name}: {constraint.expression}"
    if constraint.kind == _FOREIGN_KEY:
        return f"refers to a row that {constraint.parent} does not have ({constraint.name})"
    return f"is there twice ({constraint.name})"


def fault_of(target: TargetTable, error: psycopg.Error) -> RowFault | None:
    """Return the row that the server refused, or None if the error is about something else."""
    context = _COPY_CONTEXT.search(error.diag.context or "")
    if context is None:
        return None
    parts = (error.diag.message_primary, error.diag.message_detail)
    return RowFault(target.name, int(context["row"]), "", "", "; ".join(filter(None, parts)))
