"""`dbkit import-sqlite`: move the rows of a SQLite file into a migrated database."""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import click

from dbkit.cli.connecting import Project, json_option, opened, url_option
from dbkit.cli.counting import count_of
from dbkit.operations import DoesNotFit, SqliteFile, count_rows_of_file, import_file


@click.command(
    "import-sqlite", epilog="Example: dbkit import-sqlite softwarestudio data/orchestrator.db"
)
@click.argument("system")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--plan", is_flag=True, help="Do all of it, and take it back: what would not fit?")
@click.option("--replace", is_flag=True, help="Remove what the tables hold first.")
@click.option("--skip", multiple=True, metavar="TABLE", help="Leave a table of the file out.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every value that does not fit here.",
)
@json_option
@url_option
def command(
    system: str,
    file: Path,
    plan: bool,
    replace: bool,
    skip: tuple[str, ...],
    report: Path | None,
    as_json: bool,
    url: str | None,
) -> None:
    """Move all rows of the SQLite database FILE into SYSTEM's database, or none.

    Tables and columns go by their names, tables in the order of their foreign keys, by COPY
    in one transaction; sequences go on where the rows end. What does not fit is told with
    its row, its column and its value, and then nothing is imported.
    """
    project = Project()
    [chosen] = project.systems((system,))
    source = SqliteFile(file, skip)
    try:
        with opened(project.place(chosen, url)) as connection, _bar(system, file) as told:
            imported = import_file(
                connection, source, replace=replace, keep=not plan, show_rows=told
            )
    except DoesNotFit as error:
        if report is not None:
            report.write_text("".join(f"{fault}\n" for fault in error.faults), encoding="utf-8")
        raise
    if as_json:
        rows = {one.table: one.rows for one in imported}
        click.echo(json.dumps({"name": system, "rows": rows, "kept": not plan}))
        return
    verb = "would take" if plan else "took"
    for one in imported:
        click.echo(f"{system}: {one.table} {verb} {count_of(one.rows, 'row')}")


@contextmanager
def _bar(system: str, file: Path) -> Generator[Callable[[str, int], object]]:
    if not sys.stderr.isatty():
        yield lambda _table, _rows: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where somebody watches
    from rich.progress import Progress  # noqa: PLC0415

    done: dict[str, int] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(system, total=count_rows_of_file(file))

        def told(table: str, rows: int) -> None:
            done[table] = rows
            progress.update(task, description=f"{system}: {table}", completed=sum(done.values()))

        yield told
