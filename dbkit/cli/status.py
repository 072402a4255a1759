"""`dbkit status`: where each database stands."""

import json

import click
import psycopg

from dbkit.cli.connecting import (
    Project,
    SystemDatabase,
    json_option,
    only_one_with_url,
    opened,
    url_option,
)
from dbkit.errors import DbkitError
from dbkit.migrations import Status, never_migrated, read_files, read_status, unreadable
from dbkit.settings import System


@click.command("status", epilog="Example: dbkit status --json | jq .systems[0].version")
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@url_option
@json_option
@click.pass_context
def command(
    context: click.Context, systems: tuple[str, ...], url: str | None, as_json: bool
) -> None:
    """Say which version each database is at, what is pending and what does not fit.

    Reads only, waits for nobody. Ends with 0 up to date, 2 pending, 3 something is wrong.
    """
    project = Project()
    chosen = project.systems(systems)
    only_one_with_url(chosen, url)
    found = [_status(project, system, url) for system in chosen]
    if as_json:
        click.echo(json.dumps({"systems": [status.as_json() for status, _ in found]}))
    else:
        _say(found)
    context.exit(max(status.exit_code for status, _ in found))


def _status(
    project: Project, system: System, url: str | None
) -> tuple[Status, SystemDatabase | None]:
    place = None
    files = read_files(system, project.settings.root)
    try:
        place = project.place(system, url)
        if place.embedded is not None and not place.embedded.has_database(system.name):
            return never_migrated(files), place
        with opened(place) as connection:
            return read_status(files, connection), place
    except (DbkitError, psycopg.Error) as error:
        return unreadable(files, error), place


def _say(found: list[tuple[Status, SystemDatabase | None]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a program that reads JSON needs no table
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("system")
    table.add_column("version", justify="right")
    table.add_column("state")
    table.add_column("database", overflow="fold")
    for status, place in found:
        table.add_row(
            status.name, str(status.version), _state(status), place.origin if place else ""
        )
    console = Console(highlight=False)
    console.print(table)
    for status, _ in found:
        for problem in status.problems:
            console.print(f"{status.name}: {problem.message}", markup=False, soft_wrap=True)
            if problem.fault is not None:
                console.print(problem.fault.snippet, markup=False, soft_wrap=True)
        for made in status.gone_objects:
            console.print(
                f"{status.name}: {made.type} {made.identity} was made by {made.path}, "
                f"which is gone; drop it with: dbkit migrate {status.name} --drop-gone",
                markup=False,
                soft_wrap=True,
            )


def _state(status: Status) -> str:
    if status.problems:
        return "[red]wrong, see below[/red]"
    parts: list[str] = []
    if status.pending:
        parts.append(f"{len(status.pending)} pending, next {status.pending[0].name}")
    if status.pending_objects:
        objects = len(status.pending_objects)
        parts.append(f"{objects} object{'s' if objects > 1 else ''} to apply")
    return f"[yellow]{'; '.join(parts)}[/yellow]" if parts else "[green]up to date[/green]"
