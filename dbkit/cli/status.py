"""`dbkit status`: show the version of each database."""

import json

import click
import psycopg

from dbkit.cli.failures import with_url, with_urls
from dbkit.cli.options import (
    json_option,
    open_project,
    refuse_shared_url,
    systems_argument,
    url_option,
)
from dbkit.cli.printing import count_of
from dbkit.errors import DbkitError
from dbkit.migrations import (
    Status,
    never_migrated,
    read_files,
    read_kept_texts,
    read_status,
    unreadable,
    what_is_gone,
)
from dbkit.projects import Project, SystemDatabase
from dbkit.settings import System


@click.command("status", epilog="Example: dbkit status --json | jq .systems[0].version")
@systems_argument
@url_option
@json_option
@click.option(
    "--show",
    type=click.IntRange(min=1),
    metavar="N",
    help="Print the text of migration N and of its rollback, as the ledger keeps them.",
)
@click.pass_context
def command(
    context: click.Context,
    names: tuple[str, ...],
    url: str | None,
    as_json: bool,
    show: int | None,
) -> None:
    """Show the version of each database, what is pending and what is wrong.

    It only reads, and waits for no lock. It ends with 0 if all is up to date, or ahead of
    the files because a newer release was here; 2 if something is pending; 3 if something is wrong.
    """
    project = open_project()
    systems = project.systems(names)
    refuse_shared_url(systems, url)
    if show is not None:
        if len(systems) != 1:
            raise click.UsageError("--show belongs to one system; name it")
        _show(project, systems[0], url, show, as_json=as_json)
        return
    statuses = [_read_status(project, system, url) for system in systems]
    if as_json:
        click.echo(json.dumps({"systems": [status.as_json() for status, _ in statuses]}))
    else:
        _print(statuses, url)
    context.exit(max(status.exit_code for status, _ in statuses))


def _show(
    project: Project, system: System, url: str | None, version: int, *, as_json: bool
) -> None:
    files = read_files(system, project.settings.root)
    with project.database(system, url).connect() as connection:
        texts = read_kept_texts(files, connection, version)
    if as_json:
        click.echo(json.dumps(texts._asdict()))
        return
    click.echo(f"-- {texts.name}, as it ran\n{texts.up.rstrip()}\n")
    if texts.down is None:
        click.echo("-- it had no rollback")
    else:
        click.echo(f"-- its rollback\n{texts.down.rstrip()}")


def _read_status(
    project: Project, system: System, url: str | None
) -> tuple[Status, SystemDatabase | None]:
    """Return the status of a system, and its database unless that is not known."""
    database = None
    files = read_files(system, project.settings.root)
    try:
        database = project.database(system, url)
        if not database.exists():
            return never_migrated(files), database
        with database.connect() as connection:
            status = read_status(files, connection)
    except (DbkitError, psycopg.Error) as error:
        status = unreadable(files, error)
    problems = [
        problem._replace(message=with_urls(problem.message, url)) for problem in status.problems
    ]
    return status._replace(problems=tuple(problems)), database


def _print(statuses: list[tuple[Status, SystemDatabase | None]], url: str | None) -> None:
    from rich.console import Console  # noqa: PLC0415 - JSON needs no table
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("system")
    table.add_column("version", justify="right")
    table.add_column("state")
    table.add_column("database", overflow="fold")
    for status, database in statuses:
        origin = database.origin if database else ""
        table.add_row(status.name, str(status.version), _state(status), origin)
    console = Console(highlight=False)
    console.print(table)
    for status, _ in statuses:
        migrate = with_url(f"dbkit migrate {status.name}", url)
        for problem in status.problems:
            console.print(f"{status.name}: {problem.message}", markup=False, soft_wrap=True)
            if problem.fault is not None:
                console.print(problem.fault.snippet, markup=False, soft_wrap=True)
        for row in status.half_done:
            reason = f" ({row.error})" if row.error else ""
            going_on = f"go on with: {row.command(status.name)}"
            state = f"pid {status.runner.pid} is at it" if status.runner else going_on
            console.print(
                f"{status.name}: {row.direction} of {row.name} is half done, {row.done} of "
                f"{row.statements} statements{reason}; {with_urls(state, url)}",
                markup=False,
                soft_wrap=True,
            )
        for replaced in status.replaced_objects:
            console.print(
                f"{status.name}: {replaced.type} {replaced.identity} was replaced by hand; "
                f"{migrate} puts the file's back",
                markup=False,
                soft_wrap=True,
            )
        for gone in status.gone_objects:
            console.print(
                f"{status.name}: {what_is_gone(gone, migrate)}",
                markup=False,
                soft_wrap=True,
            )


def _state(status: Status) -> str:
    if status.problems:
        return "[red]wrong, see below[/red]"
    parts: list[str] = []
    if status.pending:
        parts.append(f"{len(status.pending)} pending, next {status.pending[0].name}")
    if status.half_done:
        parts.append("half done, see below")
    if status.pending_objects:
        parts.append(f"{count_of(len(status.pending_objects), 'object')} to apply")
    if status.ahead:
        parts.append(f"ahead by {', '.join(applied.name for applied in status.ahead)}")
    return f"[yellow]{'; '.join(parts)}[/yellow]" if parts else "[green]up to date[/green]"
