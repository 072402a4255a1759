"""`dbkit force`: record that a database is at a version, and run nothing."""

import click

from dbkit.cli.connecting import Project, opened, url_option, wait_option
from dbkit.cli.telling import reporter
from dbkit.migrations import Runner, read_files


@click.command("force", epilog="Example: dbkit force myloware 3")
@click.argument("system")
@click.argument("version", type=click.IntRange(min=0), metavar="N")
@wait_option
@url_option
def command(system: str, version: int, wait: float, url: str | None) -> None:
    """Record that SYSTEM is at version N, as the files stand now, and run nothing.

    For a database that was made by other means, that was mended by hand after a migration
    stopped half-way, or whose migration was edited on purpose.
    """
    project = Project()
    [chosen] = project.systems((system,))
    files = read_files(chosen, project.settings.root)
    place = project.place(chosen, url)
    with opened(place) as connection, reporter(system, as_json=False) as told:
        outcome = Runner(files, connection, told, wait=wait).force(version)
    click.echo(
        f"{system}: recorded version {outcome.after} (it was {outcome.before}); nothing was run"
    )
