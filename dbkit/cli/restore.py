"""`dbkit restore`: restore a backup into a new database, and swap it in on request."""

import json
from pathlib import Path

import click

from dbkit.cli.bars import spinner_when_slow
from dbkit.cli.options import (
    folder_option,
    json_option,
    open_project,
    system_argument,
    url_option,
)
from dbkit.cli.printing import count_of
from dbkit.operations import (
    NotAnArchive,
    Programs,
    Shelf,
    copy_name,
    database_name,
    find_archive,
    restore,
    swap,
)


@click.command("restore", epilog="Example: dbkit restore mrwa --swap")
@system_argument
@click.argument(
    "file",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--into", metavar="DATABASE", help="The name of the new database.")
@click.option("--swap", "swapped", is_flag=True, help="Let it replace the current database.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Restore N tables at once.")
@folder_option
@json_option
@url_option
def command(
    name: str,
    file: Path | None,
    into: str | None,
    swapped: bool,
    jobs: int | None,
    folder: Path | None,
    as_json: bool,
    url: str | None,
) -> None:
    """Restore FILE, or the newest backup of SYSTEM, into a new database.

    The new database is compared with the backup: every definition, and the number of rows of
    every table. If they differ, it is dropped again. Only --swap touches the current database,
    which is then kept under another name.
    """
    project = open_project()
    system = project.system(name)
    shelf = Shelf(folder or project.settings.backup_folder, name)
    try:
        archive = find_archive(shelf, file)
    except NotAnArchive as error:
        raise click.UsageError(str(error)) from None
    database = project.database(system, url)
    new_name = into or copy_name(database_name(database.url), "restored")
    with spinner_when_slow() as show_step, database.hold():
        programs = Programs(project.settings.postgres, show_step)
        restored = restore(database.url, archive, new_name, programs, jobs=jobs)
        former = swap(database.url, restored.database) if swapped else None
    current = database_name(database.url) if swapped else restored.database
    if as_json:
        answer = {"database": current, "rows": restored.rows, "verified": restored.verified}
        click.echo(json.dumps({**answer, "former": former}))
        return
    proof = "verified" if restored.verified else "not verified: it has no description"
    rows = count_of(restored.rows, "row")
    click.echo(f"{name}: {archive.path} restored into {current} ({rows}, {proof})")
    if former is not None:
        click.echo(f"{name}: the former database is kept as {former}; drop it when you are sure")
