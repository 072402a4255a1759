"""Find every row that a table's types and constraints refuse, where COPY names only the first."""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.sqlite.tables import Target
from dbkit.operations.sqlite.values import shown

_STAGE = "_dbkit_stage"
_ROW = "_dbkit_row"
# at most so many of one kind: a report is read by a person
_MOST = 1000
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
# assigned, because a cast would cut off what is too long
_MAKE_READS = """
create or replace function pg_temp._dbkit_reads(given text) returns text language plpgsql as $$
begin
    declare
        value {type} := given;
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
    judged.said
from {stage} as staged
cross join lateral pg_temp._dbkit_reads(staged.{column}) as judged (said)
where judged.said is not null
order by 1
limit {most}
"""
_PLACE = re.compile(
    r"^COPY .*?, line (?P<row>\d+)(?:, column (?P<column>[^:]+): (?:\".*\"|null input))?",
    re.DOTALL | re.MULTILINE,
)
_CONSTRAINTS = """
select
    held.conname,
    held.contype::text,
    pg_get_expr(held.conbin, held.conrelid),
    held.confrelid::bigint,
    held.confrelid::regclass::text,
    array(
        select attribute.attname::text
        from unnest(held.conkey) with ordinality as key (attnum, place)
        inner join pg_attribute as attribute
            on
                attribute.attrelid = held.conrelid
                and attribute.attnum = key.attnum
        order by key.place
    ),
    array(
        select attribute.attname::text
        from unnest(held.confkey) with ordinality as key (attnum, place)
        inner join pg_attribute as attribute
            on
                attribute.attrelid = held.confrelid
                and attribute.attnum = key.attnum
        order by key.place
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
        from unnest(index.indkey::smallint[]) with ordinality as key (attnum, place)
        inner join pg_attribute as attribute
            on
                attribute.attrelid = index.indrelid
                and attribute.attnum = key.attnum
        where key.place <= index.indnkeyatts
        order by key.place
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


class RowFault(NamedTuple):
    """One value that has no place in its column."""

    table: str
    # as SQLite gives them, from 1
    row: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        what = f", column {self.column}: {self.value} " if self.column else ": "
        return f"table {self.table}, row {self.row}{what}{self.reason}"


class _Constraint(NamedTuple):
    name: str
    kind: str
    expression: str | None
    parent_oid: int
    parent: str | None
    columns: list[str]
    referred: list[str]


def find_faults(
    connection: psycopg.Connection[Any],
    target: Target,
    fill: Callable[[str], list[RowFault]],
    left: frozenset[int],
) -> list[RowFault]:
    """Copy the rows into a table without constraints, and ask which of them would fail.

    `fill` copies them, and tells what none of its column's type can hold. What refers to
    a table in `left` is not asked about: nothing is in there.
    """
    with connection.cursor(row_factory=tuple_row) as cursor, connection.transaction() as undone:
        faults, texts = _stage(connection, target, fill)
        known = {(fault.row, fault.column) for fault in faults}
        for column in texts:
            unread = _unread(cursor, target, column)
            faults += [fault for fault in unread if (fault.row, column) not in known]
        for row in cursor.execute(_CONSTRAINTS, {"oid": target.oid}).fetchall():
            constraint = _Constraint(*row)
            is_asked = constraint.parent_oid not in left or constraint.parent_oid == target.oid
            if is_asked and not texts & {*constraint.columns}:
                faults += _refused(cursor, target, constraint)
        raise psycopg.Rollback(undone)
    order = {column.name: place for place, column in enumerate(target.columns)}
    return sorted(faults, key=lambda fault: (fault.row, order.get(fault.column, len(order))))


def fault_of(target: Target, error: psycopg.Error) -> RowFault | None:
    """Tell which row the server refused, if it was a row that it refused."""
    found = _PLACE.search(error.diag.context or "")
    if found is None:
        return None
    parts = (error.diag.message_primary, error.diag.message_detail)
    return RowFault(target.name, int(found["row"]), "", "", "; ".join(filter(None, parts)))


def _stage(
    connection: psycopg.Connection[Any], target: Target, fill: Callable[[str], list[RowFault]]
) -> tuple[list[RowFault], set[str]]:
    """Fill the stage, and tell which columns are texts there.

    Those are the columns in which the server met what their type does not read, all of them
    where it does not name one, so that every row comes in.
    """
    columns, texts = {column.name for column in target.columns}, set[str]()
    names = {
        "stage": sql.Identifier(_STAGE),
        "table": sql.Identifier(target.name),
        "row": sql.Identifier(_ROW),
    }
    while True:
        try:
            with connection.transaction():
                connection.execute(sql.SQL(_MAKE_STAGE).format(**names))
                for column in texts:
                    changed = sql.SQL(_KEEP_AS_TEXT)
                    connection.execute(changed.format(**names, column=sql.Identifier(column)))
                return fill(_STAGE), texts
        except psycopg.Error as error:
            found = _PLACE.search(error.diag.context or "")
            more = {found["column"]} if found and found["column"] else columns
            if found is None or more <= texts:
                raise
            texts |= more


def _unread(cursor: psycopg.Cursor[Any], target: Target, column: str) -> Iterable[RowFault]:
    """Ask the server for every value that a column's type does not read."""
    [(type_,)] = cursor.execute(_TYPE, (target.oid, column)).fetchall()
    cursor.execute(sql.SQL(_MAKE_READS).format(type=_words(type_)))
    query = sql.SQL(_UNREAD).format(
        row=sql.Identifier(_ROW),
        column=sql.Identifier(column),
        stage=sql.Identifier(_STAGE),
        most=sql.Literal(_MOST),
    )
    for row, value, said in cursor.execute(query).fetchall():
        yield RowFault(target.name, row, column, shown(value), said)


def _refused(
    cursor: psycopg.Cursor[Any], target: Target, constraint: _Constraint
) -> Iterable[RowFault]:
    reason, condition = _told(constraint), _condition(target, constraint)
    values = sql.SQL(", ").join(
        sql.SQL("staged.{}::text").format(sql.Identifier(name)) for name in constraint.columns
    )
    query = sql.SQL(
        "select staged.{row}, concat_ws(', ', {values}) from {stage} as staged "
        "where {condition} order by 1 limit {most}"
    ).format(
        row=sql.Identifier(_ROW),
        values=values if constraint.columns else sql.SQL("''"),
        stage=sql.Identifier(_STAGE),
        condition=condition,
        most=sql.Literal(_MOST),
    )
    try:
        with cursor.connection.transaction():
            found = cursor.execute(query).fetchall()
    except psycopg.ProgrammingError:
        # a check of the whole row, say, can be asked of its own table alone
        return
    for row, value in found:
        yield RowFault(target.name, row, ", ".join(constraint.columns), shown(value), reason)


def _condition(target: Target, constraint: _Constraint) -> sql.Composable:
    columns = [sql.SQL("staged.{}").format(sql.Identifier(name)) for name in constraint.columns]
    if constraint.kind == "c":
        # the server's own words, in which columns stand without their table
        return sql.SQL("not coalesce(({}), true)").format(_words(constraint.expression))
    same = sql.SQL(" and ").join(
        sql.SQL("other.{} = {}").format(sql.Identifier(name), column)
        for name, column in zip(constraint.referred or constraint.columns, columns, strict=True)
    )
    if constraint.kind == "f":
        given = sql.SQL(" and ").join(sql.SQL("{} is not null").format(one) for one in columns)
        among: sql.Composable = sql.SQL("")
        if constraint.parent_oid == target.oid:
            among = sql.SQL(" union all select from {} as other where {}").format(
                sql.Identifier(_STAGE), same
            )
        return sql.SQL("{} and not exists (select from {} as other where {}{})").format(
            given,
            _words(constraint.parent),
            same,
            among,
        )
    return sql.SQL(
        "exists (select from {stage} as other where {same} and other.{row} < staged.{row})"
    ).format(stage=sql.Identifier(_STAGE), same=same, row=sql.Identifier(_ROW))


def _words(said: str | None) -> sql.Composable:
    return sql.SQL(said or "true")  # pyright: ignore[reportArgumentType] - by the server, not by a user


def _told(constraint: _Constraint) -> str:
    match constraint.kind:
        case "c":
            return f"is refused by {constraint.name}: {constraint.expression}"
        case "f":
            return f"refers to a row that {constraint.parent} has not ({constraint.name})"
        case _:
            return f"is there twice ({constraint.name})"
