"""`dbkit restore`: bring a backup back into a new database, and swap it in on request."""

import json
from pathlib import Path

import click

from dbkit.cli.backup import folder_option, shelf_of
from dbkit.cli.connecting import Project, json_option, opened, url_option
from dbkit.cli.counting import count_of
from dbkit.cli.watching import watched
from dbkit.operations import (
    NotAnArchive,
    Programs,
    copy_name,
    database_name,
    find_archive,
    restore,
    swap,
)


@click.command("restore", epilog="Example: dbkit restore mrwa --swap")
@click.argument("system")
@click.argument(
    "file",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--into", metavar="DATABASE", help="The new database's name.")
@click.option("--swap", "swapped", is_flag=True, help="Put it in the place of the current one.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Tables restored at once.")
@folder_option
@json_option
@url_option
def command(
    system: str,
    file: Path | None,
    into: str | None,
    swapped: bool,
    jobs: int | None,
    folder: Path | None,
    as_json: bool,
    url: str | None,
) -> None:
    """Restore FILE, or the newest backup of SYSTEM, into a new database on the server.

    What came back is held against what was backed up, every definition and every number of
    rows; what differs is dropped again. The current database is only touched by --swap,
    and then kept under another name.
    """
    project = Project()
    [chosen] = project.systems((system,))
    try:
        archive = find_archive(shelf_of(project, system, folder), file)
    except NotAnArchive as error:
        raise click.UsageError(str(error)) from None
    place = project.place(chosen, url)
    name = into or copy_name(database_name(place.url), "restored")
    with watched() as told:
        programs = Programs(project.settings.postgres, told)
        if place.embedded is not None:
            with opened(place):
                restored = restore(place.url, archive, name, programs, jobs=jobs)
        else:
            restored = restore(place.url, archive, name, programs, jobs=jobs)
        aside = swap(place.url, restored.database) if swapped else None
    now = database_name(place.url) if swapped else restored.database
    if as_json:
        answer = {"database": now, "rows": restored.rows, "verified": restored.verified}
        click.echo(json.dumps({**answer, "former": aside}))
        return
    proof = "verified" if restored.verified else "not verified: nothing says what was in it"
    click.echo(
        f"{system}: {archive.path} restored into {now} ({count_of(restored.rows, 'row')}, {proof})"
    )
    if aside is not None:
        click.echo(f"{system}: the former database is kept as {aside}; drop it when you are sure")
