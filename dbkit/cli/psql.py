"""`dbkit psql`: psql on a system's database."""

import os
import shutil

import click

from dbkit.cli.connecting import Project, url_of_existing, url_option
from dbkit.server import NoPostgres, find_binaries


@click.command(
    "psql",
    context_settings={"ignore_unknown_options": True},
    epilog="Example: dbkit psql myloware -- -c 'select count(*) from runs'",
)
@click.argument("system")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS]...")
@url_option
def command(system: str, arguments: tuple[str, ...], url: str | None) -> None:
    """Run psql on the database of SYSTEM, with whatever arguments follow `--`.

    The psql on PATH is taken, or the embedded server's own where there is none.
    """
    project = Project()
    [chosen] = project.systems((system,))
    place = project.place(chosen, url)
    program = shutil.which("psql")
    if place.embedded is not None or program is None:
        try:
            program = str(find_binaries(project.settings.postgres).psql)
        except NoPostgres:
            if program is None:
                raise
    # replaced, not wrapped: psql owns the terminal, its signals and its exit code
    call = [program, "--dbname", url_of_existing(place), *arguments]
    os.execv(program, call)  # noqa: S606 - no shell is wanted
