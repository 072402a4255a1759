"""`dbkit psql`: run psql on the database of a system."""

import os
import re
import shutil
import subprocess

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

    It is the psql on PATH. If PATH has none, or an older one than the embedded server, it is the
    one installed with dbkit[embedded], which cannot edit lines.
    """
    project = open_project()
    database = project.database(project.system(name), url)
    server = database.embedded.status().major if database.embedded is not None else None
    program = _find_psql(project.settings.postgres, server or 0)
    database.create()
    # psql replaces this process, so that it has the terminal, its signals and its exit code
    shown, password = secretly(url_of_role(role, database.url))
    os.environ.update(password)
    os.execv(program, [program, "--dbname", shown, *arguments])  # noqa: S606 - no shell


def _find_psql(setting: str | None, server: int) -> str:
    on_path = shutil.which("psql")
    # the older one fails at what is new in the catalogs
    if on_path is not None and _major(on_path) >= server:
        return on_path
    try:
        return str(find_binaries(setting).psql)
    except NoPostgres:
        if on_path is None:
            raise
    return on_path


def _major(psql: str) -> int:
    shown = subprocess.run([psql, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\d+", shown)
    return int(number[0]) if number else 0
