"""`dbkit backup`: back up the database of a system, and remove old backups."""

import json
from pathlib import Path
from typing import Any

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
from dbkit.operations import DEFAULT_KEEP_DAYS, Backup, Programs, Shelf, write_backup


@click.command("backup", epilog="Example: dbkit backup mrwa --keep-days 14")
@system_argument
@folder_option
@click.option(
    "--keep-days",
    type=click.IntRange(min=0),
    default=DEFAULT_KEEP_DAYS,
    show_default=True,
    metavar="N",
    help="Remove backups older than N days afterwards, but never the only good one.",
)
@click.option("--list", "only_list", is_flag=True, help="Only list the backups.")
@json_option
@url_option
def command(
    name: str,
    folder: Path | None,
    keep_days: int,
    only_list: bool,
    as_json: bool,
    url: str | None,
) -> None:
    """Back up the database of SYSTEM with pg_dump, and remove old backups.

    A backup is an archive in pg_dump's custom format and a description beside it: its checksum,
    the schema, and the number of rows of every table in the same snapshot. `dbkit restore`
    compares a restored database with the description.
    """
    project = open_project()
    system = project.system(name)
    shelf = Shelf(folder or project.settings.backup_folder, name)
    if only_list:
        _print_list(shelf, as_json=as_json)
        return
    database = project.database(system, url)
    with database.connect() as connection, spinner_when_slow() as show_step:
        programs = Programs(project.settings.postgres, show_step)
        backup = write_backup(connection, database.url, shelf, programs)
    removed = shelf.remove_old(keep_days)
    if as_json:
        files = [old.file for old in removed]
        click.echo(json.dumps({"backup": _for_program(shelf, backup), "removed": files}))
        return
    click.echo(f"{name}: {shelf.archive(backup)} written ({_size(backup)})")
    for old in removed:
        click.echo(f"{name}: {shelf.archive(old)} removed, older than {keep_days} days")


def _print_list(shelf: Shelf, *, as_json: bool) -> None:
    backups = shelf.find()
    if as_json:
        click.echo(json.dumps({"backups": [_for_program(shelf, backup) for backup in backups]}))
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
