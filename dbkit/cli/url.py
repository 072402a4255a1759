"""`dbkit url`: print a connection URL, and nothing else."""

import click

from dbkit.cli.options import open_project, role_option, system_argument
from dbkit.database import url_of_role


@click.command("url", epilog='Example: pg_dump "$(dbkit url myloware)" > backup.sql')
@system_argument
@role_option
def command(name: str, role: str | None) -> None:
    """Print the connection URL of SYSTEM, for psql, pg_dump or psycopg.

    It has the rights of the user in the URL, whatever role the settings name for the application.
    """
    project = open_project()
    database = project.database(project.system(name))
    database.create()
    click.echo(url_of_role(role, database.url))
