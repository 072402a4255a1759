"""`dbkit restore`: bring a backup back into a new database, and swap it in on request."""

import json
from pathlib import Path

import click

from dbkit.cli.backup import folder_option, shelf_of
from dbkit.cli.connecting import Project, json_option, opened, url_option
from dbkit.cli.counting import count_of
from dbkit.cli.watching import watched
from dbkit.operations import (
    Archive,
    NoBackup,
    Programs,
    Shelf,
    database_of,
    name_for,
    restore,
    swap,
)

# how every archive of pg_dump's custom format begins
_MAGIC = b"PGDMP"


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
    archive = _archive(shelf_of(project, system, folder), file)
    place = project.place(chosen, url)
    name = into or name_for(database_of(place.url), "restored")
    with watched() as told:
        programs = Programs(project.settings.postgres, told)
        if place.embedded is not None:
            with opened(place):
                restored = restore(place.url, archive, name, programs, jobs=jobs)
        else:
            restored = restore(place.url, archive, name, programs, jobs=jobs)
        aside = swap(place.url, restored.database) if swapped else None
    now = database_of(place.url) if swapped else restored.database
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


def _archive(shelf: Shelf, file: Path | None) -> Archive:
    if file is None:
        backups = shelf.find()
        if not backups:
            raise NoBackup(shelf.system, str(shelf.folder))
        shelf.check(backups[0])
        return Archive(shelf.archive(backups[0]), backups[0])
    beside = Shelf(file.parent, shelf.system)
    for backup in beside.find():
        if backup.file == file.name:
            beside.check(backup)
            return Archive(file, backup)
    with file.open("rb") as content:
        if content.read(len(_MAGIC)) != _MAGIC:
            raise click.UsageError(
                f"{file} is no archive of `pg_dump -Fc`; "
                "what pg_dump writes as plain SQL is restored by `psql … < file`"
            )
    return Archive(file)
