"""`dbkit new`: write the next pair of migration files."""

import click

from dbkit.cli.connecting import Project
from dbkit.migrations import write_pair


@click.command("new", epilog='Example: dbkit new myloware "add index on runs"')
@click.argument("system")
@click.argument("name")
def command(system: str, name: str) -> None:
    """Write the next migration of SYSTEM and its rollback, with the number that is next."""
    project = Project()
    [chosen] = project.systems((system,))
    for path in write_pair(chosen, name, project.settings.root):
        click.echo(path)
