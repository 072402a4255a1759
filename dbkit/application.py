"""What the command line does with one system, from Python: `dbkit.project()["shop"].migrate()`."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import psycopg

from dbkit.check import CheckReport, check_system
from dbkit.codegen import generate_system, package_folder, write_package
from dbkit.errors import CannotConnect
from dbkit.loading import LoadedQuery, load
from dbkit.migrations import (
    WAIT,
    Files,
    NotForDevelopment,
    Outcome,
    Reporter,
    Runner,
    Silent,
    Status,
    Timeouts,
    never_migrated,
    read_files,
    read_status,
)
from dbkit.operations import Health, PruneResult, find_retention, prune, read_health
from dbkit.pools import (
    AsyncDatabase,
    Database,
    SizeChanges,
    Sizes,
    open_async_database,
    open_database,
)
from dbkit.projects import Project, SystemDatabase
from dbkit.releases import with_release
from dbkit.settings import System, load_settings

_BETWEEN_TRIES = 0.2


@dataclass(frozen=True)
class Application:
    """One system of a project: its files and its database.

        shop = dbkit.project()["shop"]
        shop.migrate()
        with shop.open() as database:
            ...

    Everything raises what the command line says as a sentence. Nothing is printed.
    """

    settings: System
    _project: Project = field(repr=False)
    _url: str | None = field(default=None, repr=False)
    _reporter: Reporter = field(default_factory=Silent, repr=False)

    def at(self, url: str) -> "Application":
        """Return the same system in another database than that of the environment."""
        return Application(self.settings, self._project, url, self._reporter)

    def reporting(self, reporter: Reporter) -> "Application":
        """Return the same system with somebody who is told what happens while it is migrated."""
        return Application(self.settings, self._project, self._url, reporter)

    @property
    def name(self) -> str:
        """The name of the system."""
        return self.settings.name

    @property
    def url(self) -> str:
        """The URL of its database; the embedded server is started if there is no other."""
        return self._database.url

    @property
    def queries(self) -> Mapping[str, LoadedQuery]:
        """Its query files by name, as `dbkit.load` has them."""
        return load(self.settings.sql, root=self._root, system=self.name)

    def migrate(  # noqa: PLR0913 - what a person may choose
        self,
        to: int | None = None,
        *,
        drop_gone: bool = False,
        out_of_order: bool = False,
        lock_timeout: float | None = None,
        statement_timeout: float | None = None,
        wait: float = WAIT,
    ) -> Outcome:
        """Bring the database to its newest version, or to version `to`.

        Any number of processes may call it at once when they start: one does the work, and the
        others wait for it, or find nothing to do.
        """
        with self._runner(wait, Timeouts(lock_timeout, statement_timeout)) as runner:
            return runner.migrate(to, drop_gone=drop_gone, out_of_order=out_of_order)

    async def migrate_async(
        self, to: int | None = None, *, wait: float = WAIT, drop_gone: bool = False
    ) -> Outcome:
        """Do what `migrate` does in a thread, so that the loop goes on meanwhile."""
        return await asyncio.to_thread(self.migrate, to, wait=wait, drop_gone=drop_gone)

    def plan_migrate(
        self, to: int | None = None, *, drop_gone: bool = False, out_of_order: bool = False
    ) -> Outcome:
        """Return what `migrate` would do; nothing is written."""
        with self._runner() as runner:
            return runner.plan_migrate(to, drop_gone=drop_gone, out_of_order=out_of_order)

    def follow(self, *, wait: float = WAIT) -> Outcome:
        """Make a database for development as this checkout is; what it does not have goes."""
        if not self.settings.development and self._database.embedded is None:
            raise NotForDevelopment(self.name)
        with self._runner(wait) as runner:
            return runner.follow()

    def rollback(
        self, to: int | None = None, *, steps: int = 1, plan: bool = False, wait: float = WAIT
    ) -> Outcome:
        """Undo the newest migrations, down to version `to`, or so many steps."""
        with self._runner(wait) as runner:
            target = runner.steps_back(steps) if to is None else to
            return runner.plan_rollback(target) if plan else runner.rollback(target)

    def repair(self, version: int, because: str) -> str:
        """Accept one difference between a migration and the ledger, and return which."""
        with self._runner() as runner:
            return runner.repair(version, because)

    def resume(self, *, done: bool) -> Outcome:
        """Say whether the statement that was under way when a run was lost is done, and go on."""
        with self._runner() as runner:
            return runner.resume(done=done)

    def force(self, version: int) -> Outcome:
        """Record that the database is at a version, and run nothing."""
        with self._runner() as runner:
            return runner.force(version)

    def status(self) -> Status:
        """Return the version of the database, what is pending and what is wrong."""
        if not self._database.exists():
            return never_migrated(self._files)
        with self.connect() as connection:
            return read_status(self._files, connection)

    def check(self) -> CheckReport:
        """Hold migrations, query files and generated code against the database."""
        if not self._database.exists():
            return check_system(self.settings, self._root, nullcontext())
        return check_system(self.settings, self._root, self._database.connect())

    def generate(self) -> list[Path]:
        """Write the package of its queries, and return the files that changed."""
        package_folder(self.settings, self._root)
        with self.connect() as connection:
            texts = generate_system(self.settings, self._root, connection)
        written = write_package(texts)
        return [*written.changed, *written.removed]

    def prune(self) -> list[PruneResult]:
        """Run the retention files until they remove no more rows."""
        retentions = find_retention(self.settings.sql, self._root)
        with self.connect() as connection:
            return [prune(connection, retention) for retention in retentions]

    def monitor(
        self, *, max_rows: int = 10, database: Database | AsyncDatabase | None = None
    ) -> Health:
        """Return pools, sizes, locks, waits and slow statements; nothing is changed.

        With the `database` of this program, what its pool knows of itself is there as well.
        """
        pool = None if database is None else database.statistics()
        queries: Mapping[str, LoadedQuery] = self.queries if self.settings.sql.is_dir() else {}
        with self.connect() as connection:
            return read_health(connection, queries, max_rows=max_rows, pool=pool)

    def wait(
        self, timeout: float = 60.0, tell: Callable[[CannotConnect], object] = lambda _: None
    ) -> None:
        """Return as soon as its database takes a connection, or raise why it does not in that time.

        A URL that can lead nowhere is told at once. `tell` is called with each reason to wait.
        """
        ends = time.monotonic() + timeout
        while True:
            try:
                with self.connect():
                    return
            except CannotConnect as error:
                if error.__cause__ is None or time.monotonic() > ends:
                    raise
                tell(error)
            time.sleep(_BETWEEN_TRIES)

    @contextmanager
    def connect(self) -> Generator[psycopg.Connection[Any]]:
        """Lend one connection in autocommit mode."""
        with self._database.connect() as connection:
            yield connection

    @contextmanager
    def open(
        self,
        sizes: Sizes | None = None,
        *,
        role: str | None = None,
        name: str | None = None,
        **changes: Unpack[SizeChanges],
    ) -> Generator[Database]:
        """Open a pool on the database; the embedded server runs as long as it is open.

        It works as the role of the settings, as `role`, or for "none" as the user in the URL.
        The server shows its connections by `name`: the system and its release, if none is given.
        """
        with (
            self._database.hold(),
            open_database(
                self._database.url,
                sizes,
                role=self.settings.role_for(role),
                name=name or self._program,
                **changes,
            ) as database,
        ):
            yield database

    @asynccontextmanager
    async def open_async(
        self,
        sizes: Sizes | None = None,
        *,
        role: str | None = None,
        name: str | None = None,
        **changes: Unpack[SizeChanges],
    ) -> AsyncGenerator[AsyncDatabase]:
        """Open an async pool, as `open` does."""
        # it may have to be started
        database = await asyncio.to_thread(lambda: self._database)
        held = database.hold()
        await asyncio.to_thread(held.__enter__)
        try:
            chosen = self.settings.role_for(role)
            program = name or self._program
            async with open_async_database(
                database.url, sizes, role=chosen, name=program, **changes
            ) as pool:
                yield pool
        finally:
            await asyncio.to_thread(held.__exit__, None, None, None)

    @contextmanager
    def embedded(self) -> Generator[str]:
        """Give the URL of the project's embedded server, and keep it running."""
        server = self._project.server
        with server.hold():
            server.start()
            yield server.url("postgres")

    @contextmanager
    def _runner(self, wait: float = WAIT, timeouts: Timeouts | None = None) -> Generator[Runner]:
        with self.connect() as connection:
            yield Runner(self._files, connection, self._reporter, timeouts or Timeouts(), wait)

    @property
    def _files(self) -> Files:
        # read each time: a program may run for as long as its files change
        return read_files(self.settings, self._root)

    @property
    def _program(self) -> str:
        # the distribution of most packages has their name
        return with_release(self.name, (self.settings.package or self.name).partition(".")[0])

    @property
    def _root(self) -> Path:
        return self._project.settings.root

    @cached_property
    def _database(self) -> SystemDatabase:
        return self._project.database(self.settings, self._url)


class Applications(Mapping[str, Application]):
    """The systems of a project by their names."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def __getitem__(self, name: str) -> Application:
        return Application(self._project.system(name), self._project)

    def __iter__(self) -> Iterator[str]:
        return iter(self._project.settings.systems)

    def __len__(self) -> int:
        return len(self._project.settings.systems)


def project(where: Path | str | None = None) -> Applications:
    """Return the systems of a project by name.

    It is that of the current folder or of `DBKIT_PROJECT`; `where` is another folder, or the name
    of a package with a `dbkit.toml` beside its `__init__.py`.
    """
    return Applications(Project(load_settings(where)))
