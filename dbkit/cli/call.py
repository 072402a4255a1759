"""`dbkit call`: run one query and show what comes back."""

import csv
import json
import sys
from typing import Any, NamedTuple

import click

from dbkit.cli.cells import as_json, as_text, printable
from dbkit.cli.connecting import Project, SystemDatabase, json_option, opened, url_option
from dbkit.cli.counting import count_of
from dbkit.errors import NoRow, TooManyRows
from dbkit.loading import LoadedQuery, load
from dbkit.queryfiles import QueryKind
from dbkit.runtime import AsText, execute, many

# wide enough for whoever reads the table from a file or through a pipe
_WIDE = 10_000
_AT_MOST_ONE = {QueryKind.ONE, QueryKind.OPTIONAL}


class Answer(NamedTuple):
    """What came back."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    # of a statement without rows, how many it touched
    touched: int | None = None


@click.command("call", epilog="Example: dbkit call myloware runs.list_recent max_runs=5 --json")
@click.argument("system")
@click.argument("query", metavar="SUBJECT.QUERY")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, the columns' names first.")
@url_option
def command(
    system: str, query: str, values: tuple[str, ...], as_json: bool, as_csv: bool, url: str | None
) -> None:
    """Run a query of SYSTEM in one transaction, commit it, and show what comes back.

    A VALUE is the text that psql would send: any type of PostgreSQL's takes its own. A :batch
    or a :copy is run for one set of values, as psql runs it.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv are two answers; ask for one of them")
    given = _given(values)
    project = Project()
    [chosen] = project.systems((system,))
    loaded = load(chosen.sql, root=project.settings.root)[query]
    answer = _run(loaded, project.place(chosen, url), given)
    if as_json:
        click.echo(json.dumps(_for_program(answer, loaded.query.kind), ensure_ascii=False))
    elif as_csv:
        _write_csv(answer)
    else:
        _say(answer)


def _given(values: tuple[str, ...]) -> dict[str, AsText]:
    given: dict[str, AsText] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise click.UsageError(f"{value!r} is to be NAME=VALUE")
        if name in given:
            raise click.UsageError(f"{name} is given twice")
        given[name] = AsText(text)
    return given


def _run(loaded: LoadedQuery, place: SystemDatabase, given: dict[str, AsText]) -> Answer:
    call = loaded.call(given)
    with opened(place) as connection, connection.transaction():
        statement = loaded.statement(connection, call)
        values = call.bound(statement)
        if not statement.gives:
            return Answer((), [], execute(connection, statement, values))
        rows = many(connection, statement, values)
        # inside the transaction, so that a broken promise takes back what was written
        if loaded.query.kind in _AT_MOST_ONE and len(rows) > 1:
            raise TooManyRows(loaded.name, len(rows))
        if loaded.query.kind is QueryKind.ONE and not rows:
            raise NoRow(loaded.name)
    return Answer(tuple(statement.gives), [row if statement.row else (row,) for row in rows])


def _for_program(answer: Answer, kind: QueryKind) -> object:
    if answer.touched is not None:
        return answer.touched
    objects = [
        {name: as_json(value) for name, value in zip(answer.columns, row, strict=True)}
        for row in answer.rows
    ]
    if kind in _AT_MOST_ONE:
        return objects[0] if objects else None
    return objects


def _write_csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if answer.touched is not None:
        writer.writerows([["rows"], [answer.touched]])
        return
    writer.writerow(answer.columns)
    writer.writerows([as_text(value) for value in row] for row in answer.rows)


def _say(answer: Answer) -> None:
    from rich.console import Console  # noqa: PLC0415 - a program that reads JSON needs no table
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    if answer.touched is not None:
        click.echo(f"{count_of(answer.touched, 'row')} touched")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(answer.columns):
        values = [row[place] for row in answer.rows if row[place] is not None]
        is_number = bool(values) and all(isinstance(value, int | float) for value in values)
        table.add_column(
            Text(printable(name)), justify="right" if is_number else "left", overflow="fold"
        )
    for row in answer.rows:
        table.add_row(
            *(
                Text("null", style="dim") if value is None else Text(printable(as_text(value)))
                for value in row
            )
        )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    console.print(table)
    click.echo(f"({count_of(len(answer.rows), 'row')})")
