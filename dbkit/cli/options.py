"""The arguments and options that several commands have, and the project they are used in."""

from collections.abc import Sequence
from pathlib import Path

import click

from dbkit.cli.completing import complete_query, complete_system
from dbkit.projects import Project
from dbkit.settings import System

system_argument = click.argument("name", metavar="SYSTEM", shell_complete=complete_system)
systems_argument = click.argument(
    "names", nargs=-1, metavar="[SYSTEM]...", shell_complete=complete_system
)
query_argument = click.argument(
    "query_name", metavar="SUBJECT.QUERY", shell_complete=complete_query
)
url_option = click.option(
    "--url", metavar="URL", help="The database, instead of the environment's or the embedded one."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
role_option = click.option(
    "--role", metavar="ROLE", help="Run as this role, and not as the user in the URL."
)
folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the backups; by default `backups` beside pyproject.toml.",
)


def open_project() -> Project:
    """Return the project of the current folder, with the steps of its server shown on stderr."""
    return Project(show_step=lambda step: click.echo(step, err=True))


def refuse_shared_url(systems: Sequence[System], url: str | None) -> None:
    """Refuse a URL that several systems would share."""
    if url and len(systems) != 1:
        raise click.UsageError("--url belongs to one system; name it")
