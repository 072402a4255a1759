"""`dbkit import-sqlite`: copy the rows of a SQLite file into a migrated database."""

import json
import re
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
import psycopg

from dbkit.cli.bars import row_bar
from dbkit.cli.options import json_option, open_project, system_argument, url_option
from dbkit.cli.printing import count_of
from dbkit.operations import (
    Change,
    DoesNotFit,
    FittedTable,
    SomeDoNotFit,
    SqliteFile,
    count_rows_of_file,
    import_file,
    import_what_fits,
)

_CHANGE = re.compile(r"(?P<table>[^.=]+)\.(?P<column>[^.=]+)=(?P<expression>.+)", re.DOTALL)
# so many changed and refused rows are printed of a table; the report has all of them
_MAX_SHOWN = 20

ShowRows = Callable[[str, int], object]


class _Import(NamedTuple):
    """What is to be imported, and how."""

    name: str
    source: SqliteFile
    replace: bool
    plan: bool
    report: Path | None
    as_json: bool


def _read_changes(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[Change, ...]:
    changes: list[Change] = []
    for text in given:
        parts = _CHANGE.fullmatch(text)
        if parts is None:
            message = f"{text!r} is not TABLE.COLUMN=EXPRESSION"
            raise click.BadParameter(message, context, parameter)
        changes.append(Change(parts["table"], parts["column"], parts["expression"]))
    return tuple(changes)


@click.command(
    "import-sqlite", epilog="Example: dbkit import-sqlite softwarestudio data/orchestrator.db"
)
@system_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--plan", is_flag=True, help="Import everything, then roll it back.")
@click.option("--replace", is_flag=True, help="Remove the rows of the tables first.")
@click.option(
    "--what-fits",
    is_flag=True,
    help="Import the rows that fit and name the others; run it again to go on.",
)
@click.option(
    "--change",
    "changes",
    multiple=True,
    callback=_read_changes,
    metavar="TABLE.COLUMN=EXPRESSION",
    help="Give a column the value of an SQL expression on the way; needs --what-fits.",
)
@click.option("--skip", multiple=True, metavar="TABLE", help="Leave out a table of the file.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every value that does not fit into this file.",
)
@json_option
@url_option
def command(
    name: str,
    file: Path,
    plan: bool,
    replace: bool,
    what_fits: bool,
    changes: tuple[Change, ...],
    skip: tuple[str, ...],
    report: Path | None,
    as_json: bool,
    url: str | None,
) -> None:
    """Copy all rows of the SQLite database FILE into SYSTEM's database, or none.

    Tables and columns are matched by their names. Each table is filled after the tables it refers
    to, by COPY, all in one transaction; sequences continue after the highest key. If a value does
    not fit, its row, column and value are printed, and nothing is imported.

    With --what-fits each table is a transaction: the rows that fit are imported, and each other
    row is printed with its reason. Rows that are there already are passed over.
    """
    if changes and not what_fits:
        raise click.UsageError("--change needs --what-fits")
    project = open_project()
    database = project.database(project.system(name), url)
    source = SqliteFile(file, skip, changes)
    task = _Import(name, source, replace, plan, report, as_json)
    with database.connect() as connection:
        if what_fits:
            _import_what_fits(connection, task)
        else:
            _import_all(connection, task)


@contextmanager
def _progress(task: _Import) -> Generator[ShowRows]:
    rows_of: dict[str, int] = {}
    with row_bar(task.name, lambda: count_rows_of_file(task.source.path)) as show_rows:

        def show(table: str, rows: int) -> None:
            rows_of[table] = rows
            show_rows(sum(rows_of.values()), f"{task.name}: {table}")

        yield show


def _import_all(connection: psycopg.Connection[Any], task: _Import) -> None:
    try:
        with _progress(task) as show:
            imported = import_file(
                connection,
                task.source,
                replace=task.replace,
                keep=not task.plan,
                show_rows=show,
            )
    except DoesNotFit as error:
        _write_report(task.report, error.misfits)
        raise
    if task.as_json:
        rows = {table.table: table.rows for table in imported}
        click.echo(json.dumps({"name": task.name, "rows": rows, "kept": not task.plan}))
        return
    verb = "would take" if task.plan else "took"
    for table in imported:
        click.echo(f"{task.name}: {table.table} {verb} {count_of(table.rows, 'row')}")


def _import_what_fits(connection: psycopg.Connection[Any], task: _Import) -> None:
    tables: list[FittedTable] = []
    try:
        with _progress(task) as show:
            tables.extend(
                import_what_fits(
                    connection,
                    task.source,
                    replace=task.replace,
                    keep=not task.plan,
                    show_rows=show,
                )
            )
    finally:
        # also of a run that was stopped: what it has changed is told by no later one
        _write_report(
            task.report, (row for table in tables for row in (*table.changes, *table.refused))
        )
        if not task.as_json:
            for table in tables:
                _print(task, table)
    refused = sum(table.refused_rows for table in tables)
    if task.as_json:
        click.echo(_json(task, tables))
    if refused:
        raise SomeDoNotFit(str(task.source.path), refused, kept=not task.plan)


def _print(task: _Import, table: FittedTable) -> None:
    verb = "would take" if task.plan else "took"
    counts = [
        f"{table.table} {verb} {count_of(table.imported, 'row')}",
        *([f"{table.refused_rows:,} did not fit"] if table.refused else []),
        *([f"{table.known:,} were there"] if table.known else []),
        *([f"{count_of(len(table.changes), 'value')} changed"] if table.changes else []),
    ]
    click.echo(f"{task.name}: {'; '.join(counts)}")
    rows = [*table.refused, *table.changes]
    for row in rows[:_MAX_SHOWN]:
        click.echo(f"  {row}", err=True)
    if len(rows) > _MAX_SHOWN:
        click.echo(f"  and {len(rows) - _MAX_SHOWN:,} more", err=True)


def _json(task: _Import, tables: Iterable[FittedTable]) -> str:
    return json.dumps(
        {
            "name": task.name,
            "rows": {table.table: table.imported for table in tables},
            "known": {table.table: table.known for table in tables},
            "changed": [str(change) for table in tables for change in table.changes],
            "refused": [str(fault) for table in tables for fault in table.refused],
            "kept": not task.plan,
        }
    )


def _write_report(report: Path | None, rows: Iterable[object]) -> None:
    if report is not None:
        report.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
