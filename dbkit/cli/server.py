"""`dbkit server`: the embedded PostgreSQL server of this project."""

import click

from dbkit.cli.connecting import Project
from dbkit.cli.group import Group


@click.group("server", cls=Group, no_args_is_help=False, epilog="Example: dbkit server stop")
def command() -> None:
    """Start, stop, look at or delete this project's embedded PostgreSQL server."""


@command.command("start", epilog="Example: dbkit server start")
def start() -> None:
    """Start the server, unless it is up; the first time its data folder is made."""
    server = Project().server
    server.start()
    click.echo(f"the embedded server is up (pid {server.status().pid})")


@command.command("stop", epilog="Example: dbkit server stop")
@click.option("--force", is_flag=True, help="Stop it although other processes use it.")
def stop(force: bool) -> None:
    """Stop the server; its data stay."""
    stopped = Project().server.stop(force=force)
    click.echo("the embedded server is stopped" if stopped else "the embedded server was not up")


@command.command("status", epilog="Example: dbkit server status")
def status() -> None:
    """Say whether the server is up, and where its data are."""
    found = Project().server.status()
    if not found.running:
        click.echo(f"the embedded server is not up (data: {found.data})")
        return
    click.echo(f"the embedded server is up: PostgreSQL {found.major}, pid {found.pid}")
    click.echo(f"data:   {found.data}")
    click.echo(f"socket: {found.socket_folder}")
    if found.holders:
        click.echo(f"used by: {', '.join(map(str, found.holders))}")


@command.command("reset", epilog="Example: dbkit server reset --yes")
@click.option("--force", is_flag=True, help="Delete it although other processes use it.")
@click.confirmation_option(
    "--yes", prompt="This deletes every database of the embedded server. Go on?"
)
def reset(force: bool) -> None:
    """Stop the server and delete its data."""
    Project().server.reset(force=force)
    click.echo("the embedded server and its data are gone; the next command makes a new one")
