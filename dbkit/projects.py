"""Find a project, its systems and their databases, and connect to a database."""

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from dbkit.database import connect, libpq_url
from dbkit.errors import CannotConnect, ConfigurationError
from dbkit.settings import Settings, System, load_settings

if TYPE_CHECKING:
    from dbkit.server import EmbeddedServer


@dataclass(eq=False)
class ForgottenUrl(ConfigurationError):
    """A system has no URL, and the embedded server is not wanted."""

    system: str
    variable: str
    embedded: bool | None

    def __str__(self) -> str:
        fault = f"{self.system} has no database: ${self.variable} is not set"
        if self.embedded is False:
            return f"{fault}, and the embedded server is switched off; set it, or give --url"
        return (
            f"{fault}; set it, give --url, or have the embedded server outside a terminal too: "
            "`embedded = true` under [tool.dbkit.server], or DBKIT_EMBEDDED=1"
        )


class SystemDatabase(NamedTuple):
    """The database of one system: its URL, and where the URL comes from."""

    system: System
    url: str
    # as an error names it: "--url", "$SHOP_DATABASE_URL" or "the embedded server"
    origin: str
    # None if the URL was given: then the server belongs to somebody else
    embedded: "EmbeddedServer | None" = None

    @contextmanager
    def connect(self, *, role: str | None = None) -> Generator[psycopg.Connection]:
        """Connect, and close the connection afterwards; with `role` as that role.

        On the embedded server the database is created if it does not exist; on any other server
        that is an error.
        """
        with ExitStack() as stack:
            if self.embedded is not None:
                stack.enter_context(self.embedded.hold())
            try:
                connection = connect(self.url, origin=self.origin, role=role)
            except CannotConnect:
                # not created before the first try: to look would cost every command a connection
                if self.embedded is None:
                    raise
                self.create()
                connection = connect(self.url, origin=self.origin, role=role)
            yield stack.enter_context(connection)

    @contextmanager
    def hold(self) -> Generator[None]:
        """Keep the embedded server running, and its database in existence, without a connection."""
        with ExitStack() as stack:
            if self.embedded is not None:
                stack.enter_context(self.embedded.hold())
                self.create()
            yield

    def create(self) -> None:
        """Create the database if it is one of the embedded server and does not exist."""
        if self.embedded is not None:
            self.embedded.ensure_database(self.system.name)

    def exists(self) -> bool:
        """Return False if it is a database of the embedded server that is not created yet."""
        return self.embedded is None or self.embedded.has_database(self.system.name)


@dataclass(frozen=True)
class Project:
    """A project: its settings, its systems and their databases.

    For example, to connect to the database of the system `shop`:

        project = Project()
        with project.database(project.system("shop")).connect() as connection:
            ...
    """

    # of the nearest pyproject.toml with a table [tool.dbkit]
    settings: Settings = field(default_factory=load_settings)
    # called with each step of the embedded server that takes time, as in "starting PostgreSQL 18"
    show_step: Callable[[str], None] | None = None

    def system(self, name: str) -> System:
        """Return the system of this name."""
        return self.settings.system(name)

    def systems(self, names: Iterable[str] = ()) -> list[System]:
        """Return the systems of these names, each once, or all systems if no name is given."""
        return [self.system(name) for name in dict.fromkeys(names or self.settings.systems)]

    def database(self, system: System, url: str | None = None) -> SystemDatabase:
        """Return a system's database: at the URL, at its environment's URL, or the embedded one.

        The embedded server is started if neither URL is there.
        """
        if url:
            return SystemDatabase(system, libpq_url(url), "--url")
        if system.url:
            return SystemDatabase(system, libpq_url(system.url), f"${system.url_env}")
        self._refuse_forgotten_url(system)
        self.server.start()
        return SystemDatabase(
            system, self.server.url(system.name), "the embedded server", self.server
        )

    def _refuse_forgotten_url(self, system: System) -> None:
        """Refuse the embedded server where nobody asked for it, and nobody is there to see it."""
        wanted = self.settings.embedded
        if wanted is None:
            wanted = any(stream and stream.isatty() for stream in (sys.stdin, sys.stderr))
        if not wanted:
            raise ForgottenUrl(system.name, system.url_env, self.settings.embedded)

    @cached_property
    def server(self) -> "EmbeddedServer":
        """The embedded server of the project."""
        # loaded only if no URL is given
        from dbkit.server import EmbeddedServer, find_binaries  # noqa: PLC0415

        return EmbeddedServer(
            self.settings.server_folder,
            binaries=lambda: find_binaries(self.settings.postgres),
            progress=self.show_step,
        )
