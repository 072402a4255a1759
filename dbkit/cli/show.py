"""`dbkit show`: show a query as Python calls it and as PostgreSQL runs it."""

import re
from collections.abc import Iterable
from typing import Any

import click
import psycopg

from dbkit.cli.options import open_project, query_argument, system_argument, url_option
from dbkit.cli.printing import printable
from dbkit.loading import load
from dbkit.pgtypes import column_type, parameter_type, type_name
from dbkit.queryfiles import Combination, QueryKind
from dbkit.runtime import holds_no_moment
from dbkit.typedqueries import TypedParameter, TypedQuery, type_query

_GENERIC_PLAN_VERSION = 160000
_NUMBER = re.compile(r"-?\d+(\.\d+)?|true|false", re.IGNORECASE)
_ANNOTATIONS = {
    QueryKind.ONE: "{}",
    QueryKind.OPTIONAL: "{} | None",
    QueryKind.MANY: "list[{}]",
    QueryKind.STREAM: "Stream[{}]",
    QueryKind.BATCH: "list[{}]",
}


@click.command("show", epilog="Example: dbkit show myloware runs.list_recent")
@system_argument
@query_argument
@url_option
def command(name: str, query_name: str, url: str | None) -> None:
    """Show a query of SYSTEM: its signature, statement, columns and plan.

    The statement and the plan are those with every optional part. Nothing is executed.
    """
    project = open_project()
    system = project.system(name)
    loaded = load(system.sql, root=project.settings.root)[query_name]
    with project.database(system, url).connect() as connection:
        typed = type_query(connection, loaded.query, loaded.source)
        whole = max(loaded.query.combinations, key=lambda combination: len(combination.given))
        plan = list(_plan(connection, whole))
    _print(typed, whole, plan)


def _print(typed: TypedQuery, whole: Combination, plan: list[str]) -> None:
    query = typed.query
    lines = [_signature(typed), query.documentation, f"{query.path}:{query.line}, :{query.kind}"]
    lines += [_path(query.kind, whole), "", whole.text.strip(), ""]
    if typed.columns:
        rows = [_column(typed, index) for index in range(len(typed.columns))]
        lines += [*_aligned([("column", "postgresql", "python", "null"), *rows]), ""]
    if typed.lost is not None:
        lines += [f"nothing is proved: {typed.lost}", ""]
    for line in (*lines, *plan):
        click.echo(printable(line))


def _path(kind: QueryKind, whole: Combination) -> str:
    """Say how a call goes to the server."""
    if kind is QueryKind.COPY:
        return "called by copy, which is never prepared"
    if kind is QueryKind.BATCH:
        return "prepared without a name, once for all sets of a call"
    if kind is QueryKind.STREAM:
        return "called through a cursor, without a name"
    if not holds_no_moment(whole.text):
        return "called without a name: prepared, 'now' or 'today' would keep its first value"
    return (
        "called by name, prepared once for each connection; behind a pooler, and with "
        'prepare="never", without a name'
    )


def _signature(typed: TypedQuery) -> str:
    query = typed.query
    arguments = ["connection"]
    if query.kind in {QueryKind.BATCH, QueryKind.COPY}:
        arguments.append("sets")
    keywords = [_keyword(parameter) for parameter in typed.parameters]
    for choice in query.choices:
        text = f"{choice.name}: Literal[{', '.join(map(repr, choice.allowed))}]"
        default = f" = {choice.default!r}" if choice.default is not None else ""
        keywords.append(text + (" = ..." if choice.omittable else default))
    if keywords:
        arguments += ["*", *keywords]
    return f"{query.subject}.{query.name}({', '.join(arguments)}) -> {_returns(typed)}"


def _keyword(parameter: TypedParameter) -> str:
    if parameter.type is None:
        return f"{parameter.name}: bool = False"
    python_type = parameter_type(
        parameter.type,
        nullable=parameter.nullable,
        json_type=parameter.json_type,
        infinity=parameter.infinite,
    )
    text = f"{parameter.name}: {python_type.annotation}"
    if parameter.default is not None:
        default = parameter.default
        return f"{text} = {default if _NUMBER.fullmatch(default) else repr(default)}"
    return f"{text} = ..." if parameter.omittable else text


def _returns(typed: TypedQuery) -> str:
    if not typed.columns or typed.query.kind not in _ANNOTATIONS:
        return "int"
    row = _python(typed, 0) if len(typed.columns) == 1 else "Row"
    return _ANNOTATIONS[typed.query.kind].format(row)


def _column(typed: TypedQuery, index: int) -> tuple[str, ...]:
    column = typed.columns[index]
    null = f"yes: {column.why}" if column.nullable else "never"
    return column.name, type_name(column.type), _python(typed, index), null


def _python(typed: TypedQuery, index: int) -> str:
    column = typed.columns[index]
    json_type = dict(typed.json_types).get(column.name)
    infinity = column.name in typed.infinite
    return column_type(column, json_type=json_type, infinity=infinity).annotation


def _plan(connection: psycopg.Connection[Any], combination: Combination) -> Iterable[str]:
    if connection.info.server_version < _GENERIC_PLAN_VERSION:
        yield "no plan: a plan without values needs PostgreSQL 16"
        return
    try:
        # as bytes and without values, so that psycopg leaves each $1 as it is
        lines = connection.execute(f"explain (generic_plan) {combination.text}".encode())
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        yield f"no plan: {error.diag.message_primary}"
        return
    for (line,) in lines:
        yield line


def _aligned(rows: list[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
