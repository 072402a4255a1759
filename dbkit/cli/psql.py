"""`dbkit psql`: run psql on the database of a system."""

import os
import shutil

import click

from dbkit.cli.options import open_project, role_option, system_argument, url_option
from dbkit.database import secretly, url_of_role
from dbkit.server import NoPostgres, find_binaries


@click.command(
    "psql",
    context_settings={"ignore_unknown_options": True},
    epilog="Example: dbkit psql myloware -- -c 'select count(*) from runs'",
)
@system_argument
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS]...")
@url_option
@role_option
def command(name: str, arguments: tuple[str, ...], url: str | None, role: str | None) -> None:
    """Run psql on the database of SYSTEM, with the arguments after `--`.

    It has the rights of the user in the URL, whatever role the settings name for the application.

    It is the psql on PATH; for the embedded server, or if PATH has none, the one installed with
    dbkit[embedded].
    """
    project = open_project()
    database = project.database(project.system(name), url)
    program = shutil.which("psql")
    if database.embedded is not None or program is None:
        try:
            program = str(find_binaries(project.settings.postgres).psql)
        except NoPostgres:
            if program is None:
                raise
    database.create()
    # psql replaces this process, so that it has the terminal, its signals and its exit code
    shown, password = secretly(url_of_role(role, database.url))
    os.environ.update(password)
    os.execv(program, [program, "--dbname", shown, *arguments])  # noqa: S606 - no shell
