"""`dbkit force`: record that a database is at a version without running anything."""

import click

from dbkit.cli.failures import standing_told, with_url
from dbkit.cli.options import open_project, system_argument, url_option
from dbkit.cli.reporting import reporter, wait_option
from dbkit.migrations import Runner, read_files


@click.command("force", epilog="Example: dbkit force myloware 3")
@system_argument
@click.argument("version", type=click.IntRange(min=0), metavar="N")
@wait_option
@url_option
def command(name: str, version: int, wait: float, url: str | None) -> None:
    """Record that SYSTEM is at version N without running anything.

    Use it for a database that was made by other means, that a person mended after a migration
    failed, or whose migration files were edited on purpose: the files are recorded as they are.
    """
    project = open_project()
    system = project.system(name)
    files = read_files(system, project.settings.root)
    database = project.database(system, url)
    again = with_url(f"dbkit force {name} {version}", url)
    with (
        standing_told(database, files, again),
        database.connect() as connection,
        reporter(name, as_json=False) as progress,
    ):
        outcome = Runner(files, connection, progress, wait=wait).force(version)
    click.echo(
        f"{name}: recorded version {outcome.after} (it was {outcome.before}); nothing was run"
    )
