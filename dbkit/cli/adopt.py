"""`dbkit adopt`: record the version of a database that another tool made."""

import json

import click

from dbkit.cli.bars import spinner_when_slow
from dbkit.cli.failures import with_url
from dbkit.cli.options import json_option, open_project, system_argument, url_option
from dbkit.cli.reporting import reporter
from dbkit.migrations import Runner, read_files
from dbkit.operations import Adoption, find_adoption, put_aside


@click.command("adopt", epilog="Example: dbkit adopt ai_orchestration --plan")
@system_argument
@click.option("--to", type=click.IntRange(min=1), metavar="N", help="Compare with version N only.")
@click.option("--plan", is_flag=True, help="Only compare; record nothing.")
@click.option("--no-check", is_flag=True, help="Believe the other tool's ledger, or N.")
@json_option
@url_option
def command(
    name: str, to: int | None, plan: bool, no_check: bool, as_json: bool, url: str | None
) -> None:
    """Record the version of a database of SYSTEM that another tool made.

    The version is found by the ledger of alembic, golang-migrate, dbmate, goose, Flyway, sqlx,
    diesel, sql-migrate, refinery or yoyo, through the lines `-- was:` of the migrations; where
    there is none, by the catalog. The catalog is compared with that of the version, built in a
    scratch database beside it; nothing is run on the database itself. If the two do not agree, the
    differences are printed and nothing is recorded. A column that may hold nulls is no difference
    if a later migration sets it not null.
    """
    project = open_project()
    system = project.system(name)
    files = read_files(system, project.settings.root)
    database = project.database(system, url)
    with database.connect() as connection, spinner_when_slow() as show_step:
        adoption = find_adoption(
            connection, database.url, files, to=to, check=not no_check, show=show_step
        )
        if not plan:
            if adoption.set_aside:
                put_aside(connection, adoption.set_aside)
            with reporter(name, as_json=as_json) as progress:
                Runner(files, connection, progress).force(adoption.version)
    if as_json:
        origin = adoption.origin._asdict() if adoption.origin else None
        click.echo(json.dumps({**adoption._asdict(), "origin": origin, "recorded": not plan}))
    else:
        _print(
            name, adoption, files.latest, with_url(f"dbkit migrate {name}", url), recorded=not plan
        )


def _print(system: str, adoption: Adoption, latest: int, following: str, *, recorded: bool) -> None:
    if adoption.origin is not None:
        origin = adoption.origin
        click.echo(
            f"{system}: made by {origin.tool}, at its version {origin.version}; "
            "its table is left alone"
        )
    if adoption.set_aside:
        verb = "is now" if recorded else "would be renamed to"
        click.echo(
            f"{system}: {adoption.set_aside}, made by hand, {verb} {adoption.set_aside}_by_hand"
        )
    if adoption.beside:
        click.echo(f"{system}: not ours, and left alone: {', '.join(adoption.beside)}")
    if adoption.rows_only:
        names = ", ".join(adoption.rows_only)
        click.echo(f"{system}: changes only rows, so it is assumed that it ran: {names}")
    if adoption.loose:
        names = ", ".join(adoption.loose)
        click.echo(f"{system}: may hold nulls here until a later migration fills them: {names}")
    if adoption.stopped:
        click.echo(f"{system}: {adoption.stopped}")
    if not adoption.compared:
        click.echo(f"{system}: its catalog was not compared")
    verb = "recorded at" if recorded else "would be recorded at"
    click.echo(f"{system}: {verb} version {adoption.version} of {latest}; nothing was run")
    if adoption.version < latest or recorded:
        click.echo(f"{system}: run `{following}` next")
