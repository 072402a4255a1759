"""`dbkit call`: run one query and print the result."""

import csv
import json
import sys
from typing import Any, NamedTuple

import click
import psycopg

from dbkit.cli.completing import complete_assignment
from dbkit.cli.errors import UnwrittenResult
from dbkit.cli.options import (
    json_option,
    open_project,
    query_argument,
    system_argument,
    url_option,
)
from dbkit.cli.printing import count_of, json_value, print_table, text_value
from dbkit.errors import NoRow, TooManyRows
from dbkit.loading import LoadedQuery, load
from dbkit.queryfiles import QueryKind
from dbkit.runtime import AsText, execute, many
from dbkit.transactions import transaction

_AT_MOST_ONE = {QueryKind.ONE, QueryKind.OPTIONAL}


class CallResult(NamedTuple):
    """The rows that a query returned, or the number of rows it touched."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    # None if the query returns rows
    touched: int | None = None


@click.command("call", epilog="Example: dbkit call myloware runs.list_recent max_runs=5 --json")
@system_argument
@query_argument
@click.argument(
    "assignments", nargs=-1, metavar="[NAME=VALUE]...", shell_complete=complete_assignment
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header.")
@click.option(
    "--role",
    metavar="ROLE",
    help="Run as this role, and not as that of the settings; none: as the user in the URL.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the transaction, such as app.user_id=7 for row-level security.",
)
@url_option
def command(
    name: str,
    query_name: str,
    assignments: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    role: str | None,
    settings: tuple[str, ...],
    url: str | None,
) -> None:
    """Run a query of SYSTEM in one transaction, commit it and print the result.

    It runs as the role that the settings name for the application, if they name one.

    A VALUE is written as for psql's -v: PostgreSQL reads the text as the parameter's type. A
    :batch or :copy runs for one set of values, as in psql.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other; give one of them")
    values = {name: AsText(text) for name, text in _values(assignments).items()}
    project = open_project()
    system = project.system(name)
    query = load(system.sql, root=project.settings.root)[query_name]
    with project.database(system, url).connect(role=system.role_for(role)) as connection:
        result = _run(query, connection, values, _values(settings))
    try:
        if as_json:
            click.echo(json.dumps(_for_program(result, query.query.kind), ensure_ascii=False))
        elif as_csv:
            _write_csv(result)
        else:
            _print(result)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnwrittenResult(error) from error


def _values(assignments: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise click.UsageError(f"{assignment!r} is no value; write NAME=VALUE")
        if name in values:
            raise click.UsageError(f"{name} is given twice; give it once")
        values[name] = text
    return values


def _run(
    loaded: LoadedQuery,
    connection: psycopg.Connection,
    values: dict[str, AsText],
    settings: dict[str, str],
) -> CallResult:
    call = loaded.call(values)
    with transaction(connection, settings=settings):
        statement = loaded.statement(connection, call)
        bound = call.bound(statement)
        if not statement.gives:
            return CallResult((), [], execute(connection, statement, bound))
        rows = many(connection, statement, bound)
        # inside the transaction, so that a wrong number of rows rolls back what was written
        if loaded.query.kind in _AT_MOST_ONE and len(rows) > 1:
            raise TooManyRows(loaded.name, len(rows))
        if loaded.query.kind is QueryKind.ONE and not rows:
            raise NoRow(loaded.name)
    return CallResult(tuple(statement.gives), [row if statement.row else (row,) for row in rows])


def _for_program(result: CallResult, kind: QueryKind) -> object:
    if result.touched is not None:
        return result.touched
    objects = [
        {name: json_value(value) for name, value in zip(result.columns, row, strict=True)}
        for row in result.rows
    ]
    if kind in _AT_MOST_ONE:
        return objects[0] if objects else None
    return objects


def _write_csv(result: CallResult) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if result.touched is not None:
        writer.writerows([["rows"], [result.touched]])
        return
    writer.writerow(result.columns)
    writer.writerows([text_value(value) for value in row] for row in result.rows)


def _print(result: CallResult) -> None:
    if result.touched is not None:
        click.echo(f"{count_of(result.touched, 'row')} touched")
        return
    numeric: set[str] = set()
    for index, name in enumerate(result.columns):
        values = [row[index] for row in result.rows if row[index] is not None]
        if values and all(isinstance(value, int | float) for value in values):
            numeric.add(name)
    cells = [[None if value is None else text_value(value) for value in row] for row in result.rows]
    print_table(result.columns, cells, numeric=numeric)
    click.echo(f"({count_of(len(result.rows), 'row')})")
