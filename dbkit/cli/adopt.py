"""`dbkit adopt`: take over a database that another tool made."""

import json

import click

from dbkit.cli.connecting import Project, json_option, opened, url_option
from dbkit.cli.telling import reporter
from dbkit.cli.watching import watched
from dbkit.migrations import Runner, read_files
from dbkit.operations import Adoption, find_adoption


@click.command("adopt", epilog="Example: dbkit adopt ai_orchestration --plan")
@click.argument("system")
@click.option("--to", type=click.IntRange(min=1), metavar="N", help="Compare with version N alone.")
@click.option("--plan", is_flag=True, help="Only compare; records nothing.")
@json_option
@url_option
def command(system: str, to: int | None, plan: bool, as_json: bool, url: str | None) -> None:
    """Record at which version of SYSTEM a database stands that another tool made.

    Nothing is run on what alembic, golang-migrate or a person made. Its catalog is compared
    with every version of ours, made for the moment in a database beside it. What differs is
    printed, and then nothing is recorded.
    """
    project = Project()
    [chosen] = project.systems((system,))
    files = read_files(chosen, project.settings.root)
    place = project.place(chosen, url)
    with opened(place) as connection, watched() as told:
        told("comparing with every version")
        adopted = find_adoption(connection, place.url, files, to=to)
        if not plan:
            with reporter(system, as_json=as_json) as heard:
                Runner(files, connection, heard).force(adopted.version)
    if as_json:
        origin = adopted.origin._asdict() if adopted.origin else None
        click.echo(json.dumps({**adopted._asdict(), "origin": origin, "recorded": not plan}))
    else:
        _say(system, adopted, files.latest, recorded=not plan)


def _say(system: str, adopted: Adoption, latest: int, *, recorded: bool) -> None:
    if adopted.origin is not None:
        tool, version = adopted.origin
        click.echo(f"{system}: made by {tool}, at its version {version}; its table is left alone")
    if adopted.beside:
        click.echo(f"{system}: there beside ours, and left alone: {', '.join(adopted.beside)}")
    if adopted.rows_only:
        names = ", ".join(adopted.rows_only)
        click.echo(f"{system}: changes rows alone, so taken to have been done: {names}")
    verb = "recorded at" if recorded else "would be recorded at"
    click.echo(f"{system}: {verb} version {adopted.version} of {latest}; nothing was run")
    if adopted.version < latest or recorded:
        click.echo(f"{system}: `dbkit migrate {system}` does the rest")
