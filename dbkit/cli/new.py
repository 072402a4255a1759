"""`dbkit new`: create the next pair of migration files."""

import click

from dbkit.cli.options import open_project, system_argument
from dbkit.migrations import write_pair


@click.command("new", epilog='Example: dbkit new myloware "add index on runs"')
@system_argument
@click.argument("title", metavar="NAME")
def command(name: str, title: str) -> None:
    """Create the next migration of SYSTEM and its rollback file.

    They get the next number and NAME, as in 0005_add_index_on_runs.sql.
    """
    project = open_project()
    for path in write_pair(project.system(name), title, project.settings.root):
        click.echo(path)
