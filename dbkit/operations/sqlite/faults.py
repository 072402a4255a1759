"""Find every row that a table's constraints refuse, where COPY names only the first."""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.sqlite.tables import Target

_STAGE = "_dbkit_stage"
_ROW = "_dbkit_row"
# at most so many of one constraint: a report is read by a person
_MOST = 1000
_MAKE_STAGE = (
    "create temp table {stage} on commit drop as select * from {table} with no data",
    "alter table {stage} add column {row} bigint generated always as identity",
)
_PLACE = re.compile(r"COPY \w+, line (?P<row>\d+), column (?P<column>[^:]+): \"(?P<value>.*)\"")
_CONSTRAINTS = """
select
    held.conname,
    held.contype,
    pg_get_expr(held.conbin, held.conrelid),
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
    held.conrelid = %s
    and held.contype in ('c', 'p', 'u', 'f')
order by held.contype, held.conname
"""


class Fault(NamedTuple):
    """One value that has no place in its column."""

    table: str
    # as SQLite gives them, from 1; None where only the table is known
    row: int | None
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        where = f", row {self.row}" if self.row is not None else ""
        what = f", column {self.column}: {self.value} " if self.column else ": "
        return f"table {self.table}{where}{what}{self.reason}"


class _Constraint(NamedTuple):
    name: str
    kind: str
    expression: str | None
    parent: str | None
    columns: list[str]
    referred: list[str]


def find_faults(
    connection: psycopg.Connection[Any],
    target: Target,
    stage: Callable[[str], list[Fault]],
    left: frozenset[str],
) -> list[Fault]:
    """Copy the rows into a table without constraints, and ask which of them would fail.

    `stage` copies them, and tells what none of its column's type can hold. What refers to
    a table in `left` is not asked about: nothing is in there.
    """
    with connection.cursor(row_factory=tuple_row) as cursor, connection.transaction() as undone:
        names = {"stage": sql.Identifier(_STAGE), "table": sql.Identifier(target.name)}
        for statement in _MAKE_STAGE:
            cursor.execute(sql.SQL(statement).format(**names, row=sql.Identifier(_ROW)))
        try:
            with connection.transaction():
                faults = stage(_STAGE)
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            return [_by_the_server(target, error)]
        for found in cursor.execute(_CONSTRAINTS, (target.oid,)).fetchall():
            constraint = _Constraint(*found)
            if constraint.parent not in left or constraint.parent == target.name:
                faults += _refused(cursor, target, constraint)
        raise psycopg.Rollback(undone)
    return sorted(faults, key=lambda fault: fault.row or 0)


def _by_the_server(target: Target, error: psycopg.Error) -> Fault:
    """Tell of a value that only the server could judge, and where it says that it lies."""
    said = str(error.diag.message_primary)
    found = _PLACE.match(error.diag.context or "")
    if found is None:
        return Fault(target.name, None, "", "", said)
    return Fault(target.name, int(found["row"]), found["column"], repr(found["value"]), said)


def _refused(
    cursor: psycopg.Cursor[Any], target: Target, constraint: _Constraint
) -> Iterable[Fault]:
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
    for row, value in cursor.execute(query).fetchall():
        yield Fault(target.name, row, ", ".join(constraint.columns), repr(value), reason)


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
        if constraint.parent == target.name:
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
