"""`dbkit import-sqlite`: copy the rows of a SQLite file into a migrated database."""

import json
from pathlib import Path

import click

from dbkit.cli.bars import row_bar
from dbkit.cli.options import json_option, open_project, system_argument, url_option
from dbkit.cli.printing import count_of
from dbkit.operations import DoesNotFit, SqliteFile, count_rows_of_file, import_file


@click.command(
    "import-sqlite", epilog="Example: dbkit import-sqlite softwarestudio data/orchestrator.db"
)
@system_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--plan", is_flag=True, help="Import everything, then roll it back.")
@click.option("--replace", is_flag=True, help="Remove the rows of the tables first.")
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
    skip: tuple[str, ...],
    report: Path | None,
    as_json: bool,
    url: str | None,
) -> None:
    """Copy all rows of the SQLite database FILE into SYSTEM's database, or none.

    Tables and columns are matched by their names. Each table is filled after the tables it refers
    to, by COPY, all in one transaction; sequences continue after the highest key. If a value does
    not fit, its row, column and value are printed, and nothing is imported.
    """
    project = open_project()
    database = project.database(project.system(name), url)
    rows_of: dict[str, int] = {}
    try:
        with (
            database.connect() as connection,
            row_bar(name, lambda: count_rows_of_file(file)) as show_rows,
        ):

            def show(table: str, rows: int) -> None:
                rows_of[table] = rows
                show_rows(sum(rows_of.values()), f"{name}: {table}")

            imported = import_file(
                connection, SqliteFile(file, skip), replace=replace, keep=not plan, show_rows=show
            )
    except DoesNotFit as error:
        if report is not None:
            report.write_text("".join(f"{misfit}\n" for misfit in error.misfits), encoding="utf-8")
        raise
    if as_json:
        rows = {table.table: table.rows for table in imported}
        click.echo(json.dumps({"name": name, "rows": rows, "kept": not plan}))
        return
    verb = "would take" if plan else "took"
    for table in imported:
        click.echo(f"{name}: {table.table} {verb} {count_of(table.rows, 'row')}")
