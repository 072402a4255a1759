"""`dbkit wait`: return when a database takes connections."""

import click

from dbkit.application import Application
from dbkit.cli.options import open_project, system_argument, url_option
from dbkit.errors import CannotConnect


@click.command("wait", epilog="Example: dbkit wait shop --timeout 30 && dbkit migrate shop")
@system_argument
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait at most.",
)
@url_option
def command(name: str, timeout: float, url: str | None) -> None:
    """Wait until the database of SYSTEM takes a connection.

    For a container that starts beside its server. Nothing is changed.
    """
    project = open_project()
    told: list[str] = []

    def tell(error: CannotConnect) -> None:
        if error.reason not in told:
            told.append(error.reason)
            click.echo(f"{name}: waiting: {error.reason}", err=True)

    Application(project.system(name), project, url).wait(timeout, tell)
