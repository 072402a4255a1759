"""`dbkit url`: print a connection URL, and nothing else."""

import click

from dbkit.cli.options import open_project, system_argument


@click.command("url", epilog='Example: pg_dump "$(dbkit url myloware)" > backup.sql')
@system_argument
def command(name: str) -> None:
    """Print the connection URL of SYSTEM, for psql, pg_dump or psycopg."""
    project = open_project()
    database = project.database(project.system(name))
    database.create()
    click.echo(database.url)
