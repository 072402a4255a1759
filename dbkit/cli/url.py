"""`dbkit url`: print a connection URL, and nothing else."""

import click

from dbkit.cli.connecting import Project, url_of_existing


@click.command("url", epilog='Example: pg_dump "$(dbkit url myloware)" > backup.sql')
@click.argument("system")
def command(system: str) -> None:
    """Print the connection URL of SYSTEM; psql, pg_dump and psycopg take it as it is."""
    project = Project()
    [chosen] = project.systems((system,))
    click.echo(url_of_existing(project.place(chosen)))
