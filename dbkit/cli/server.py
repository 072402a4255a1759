"""`dbkit server`: start, stop, show or delete the embedded PostgreSQL server."""

import click

from dbkit.cli.group import Group
from dbkit.cli.options import open_project


@click.group("server", cls=Group, no_args_is_help=False, epilog="Example: dbkit server stop")
def command() -> None:
    """Start, stop, show or delete the embedded PostgreSQL server of this project."""


@command.command("start", epilog="Example: dbkit server start")
def start() -> None:
    """Start the server if it does not run; the first start creates its data folder."""
    server = open_project().server
    server.start()
    click.echo(f"the embedded server is up (pid {server.status().pid})")


@command.command("stop", epilog="Example: dbkit server stop")
@click.option("--force", is_flag=True, help="Stop it even if other processes use it.")
def stop(force: bool) -> None:
    """Stop the server and keep its data."""
    stopped = open_project().server.stop(force=force)
    click.echo("the embedded server is stopped" if stopped else "the embedded server was not up")


@command.command("status", epilog="Example: dbkit server status")
def status() -> None:
    """Show whether the server runs, and where its data are."""
    state = open_project().server.status()
    if not state.running:
        click.echo(f"the embedded server is not up (data: {state.data})")
        return
    click.echo(f"the embedded server is up: PostgreSQL {state.major}, pid {state.pid}")
    click.echo(f"data:   {state.data}")
    click.echo(f"socket: {state.socket_folder}")
    if state.holders:
        click.echo(f"used by: {', '.join(map(str, state.holders))}")


@command.command("reset", epilog="Example: dbkit server reset --yes")
@click.option("--force", is_flag=True, help="Delete it even if other processes use it.")
@click.confirmation_option(
    "--yes", prompt="This deletes every database of the embedded server. Continue?"
)
def reset(force: bool) -> None:
    """Stop the server and delete its data."""
    open_project().server.reset(force=force)
    click.echo("the embedded server and its data are gone; the next command creates a new one")
