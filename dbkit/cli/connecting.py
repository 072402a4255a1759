"""From the name of a system to a connection: its URL, or the embedded server's."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import click
import psycopg

from dbkit.database import connect, libpq_url
from dbkit.errors import CannotConnect
from dbkit.migrations import WAIT
from dbkit.settings import Settings, System, load_settings

if TYPE_CHECKING:
    from dbkit.server import EmbeddedServer


class SystemDatabase(NamedTuple):
    """Where a system's database is, and how we know."""

    system: System
    url: str
    origin: str
    embedded: "EmbeddedServer | None" = None


@dataclass(frozen=True)
class Project:
    """The settings of the project one stands in, and the way to its databases."""

    settings: Settings = field(default_factory=load_settings)

    def systems(self, names: tuple[str, ...]) -> list[System]:
        """Return the systems named, or all of them."""
        if not names:
            return list(self.settings.systems.values())
        return [self.settings.system(name) for name in dict.fromkeys(names)]

    def place(self, system: System, url: str | None = None) -> SystemDatabase:
        """Find a system's database: the URL given, its environment's, or the embedded server's."""
        if url:
            return SystemDatabase(system, libpq_url(url), "--url")
        if system.url:
            return SystemDatabase(system, libpq_url(system.url), f"${system.url_env}")
        self.server.start()
        return SystemDatabase(
            system, self.server.url(system.name), "the embedded server", self.server
        )

    @cached_property
    def server(self) -> "EmbeddedServer":
        """The project's embedded server."""
        # not loaded where a URL is given
        from dbkit.server import EmbeddedServer, find_binaries  # noqa: PLC0415

        return EmbeddedServer(
            self.settings.server_folder,
            binaries=lambda: find_binaries(self.settings.postgres),
            progress=lambda text: click.echo(text, err=True),
        )


@contextmanager
def opened(place: SystemDatabase) -> Generator[psycopg.Connection]:
    """Connect to a place, and close the connection afterwards.

    A database of the embedded server is made when it is first asked for; anybody
    else's server is never given one.
    """
    with ExitStack() as stack:
        if place.embedded is not None:
            stack.enter_context(place.embedded.hold())
        try:
            connection = connect(place.url, origin=place.origin)
        except CannotConnect:
            # asked for only now: looking first would cost every run another connection
            if place.embedded is None:
                raise
            place.embedded.ensure_database(place.system.name)
            connection = connect(place.url, origin=place.origin)
        yield stack.enter_context(connection)


def url_of_existing(place: SystemDatabase) -> str:
    """Return the URL of a place whose database is there to be opened by another program."""
    if place.embedded is not None:
        place.embedded.ensure_database(place.system.name)
    return place.url


def only_one_with_url(systems: list[System], url: str | None) -> None:
    """Refuse a URL that several systems would share."""
    if url and len(systems) != 1:
        raise click.UsageError("--url belongs to one system; name it")


url_option = click.option(
    "--url", metavar="URL", help="The database, instead of the environment's or the embedded one."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
wait_option = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=WAIT,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another runner, or for a lock.",
)
