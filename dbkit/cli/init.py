"""`dbkit init`: begin a project."""

from contextlib import suppress
from pathlib import Path

import click

from dbkit.errors import NoProject
from dbkit.firstproject import ProjectIsThere, name_of, write_project
from dbkit.settings import load_settings


@click.command("init", epilog="Example: dbkit init && dbkit migrate && dbkit generate && pytest")
@click.option("--name", metavar="NAME", help="The system's name; by default the folder's.")
def command(name: str | None) -> None:
    """Begin a project in the current folder: settings, a migration, queries, a test, CI.

    Nothing that is there is overwritten; pyproject.toml and .gitignore get what they lack.
    """
    folder = Path.cwd()
    with suppress(NoProject):
        if (root := load_settings(folder).root) == folder:
            raise ProjectIsThere(str(root))
    for file in write_project(folder, name_of(folder) if name is None else name):
        click.echo(f"{file.path} {file.what}")
    click.echo("next: dbkit migrate && dbkit generate && pytest")
