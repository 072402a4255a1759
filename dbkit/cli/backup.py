"""`dbkit backup`: write a system's database into a file, and keep the last days of them."""

import json
from pathlib import Path
from typing import Any

import click

from dbkit.cli.connecting import Project, json_option, opened, url_option
from dbkit.cli.counting import count_of
from dbkit.cli.watching import watched
from dbkit.operations import DEFAULT_KEEP_DAYS, Backup, Programs, Shelf, write_backup

folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where backups lie; `backups` beside pyproject.toml if not given.",
)


@click.command("backup", epilog="Example: dbkit backup mrwa --keep-days 14")
@click.argument("system")
@folder_option
@click.option(
    "--keep-days",
    type=click.IntRange(min=0),
    default=DEFAULT_KEEP_DAYS,
    show_default=True,
    metavar="N",
    help="Remove older ones afterwards, never the only good one.",
)
@click.option("--list", "only_list", is_flag=True, help="Only say which backups there are.")
@json_option
@url_option
def command(
    system: str,
    folder: Path | None,
    keep_days: int,
    only_list: bool,
    as_json: bool,
    url: str | None,
) -> None:
    """Back up the database of SYSTEM: pg_dump's custom format, with checksums.

    Beside it stands what it holds, counted in the same snapshot, so that `dbkit restore`
    can prove that all of it came back.
    """
    project = Project()
    [chosen] = project.systems((system,))
    shelf = shelf_of(project, system, folder)
    if only_list:
        _list(shelf, as_json=as_json)
        return
    place = project.place(chosen, url)
    with opened(place) as connection, watched() as told:
        programs = Programs(project.settings.postgres, told)
        backup = write_backup(connection, place.url, shelf, programs)
    gone = shelf.remove_old(keep_days)
    if as_json:
        removed = [one.file for one in gone]
        click.echo(json.dumps({"backup": _for_program(shelf, backup), "removed": removed}))
        return
    click.echo(f"{system}: {shelf.archive(backup)} written ({_size(backup)})")
    for one in gone:
        click.echo(f"{system}: {shelf.archive(one)} removed, older than {keep_days} days")


def shelf_of(project: Project, system: str, folder: Path | None) -> Shelf:
    """Return where the backups of a system lie."""
    return Shelf(folder or project.settings.root / "backups", system)


def _list(shelf: Shelf, *, as_json: bool) -> None:
    backups = shelf.find()
    if as_json:
        click.echo(json.dumps({"backups": [_for_program(shelf, one) for one in backups]}))
        return
    if not backups:
        click.echo(f"{shelf.system}: no backup in {shelf.folder}")
    for backup in backups:
        click.echo(f"{shelf.archive(backup)}  {backup.time:%Y-%m-%d %H:%M:%S}Z  {_size(backup)}")


def _size(backup: Backup) -> str:
    rows = count_of(sum(backup.rows.values()), "row")
    return f"{backup.bytes:,} bytes, {rows} of {count_of(len(backup.rows), 'table')}"


def _for_program(shelf: Shelf, backup: Backup) -> dict[str, Any]:
    return {
        "file": str(shelf.archive(backup)),
        "made_at": backup.made_at,
        "bytes": backup.bytes,
        "sha256": backup.sha256,
        "rows": sum(backup.rows.values()),
    }
