"""Copies of a system's migrated database, for tests: of a template, and made beforehand."""

import hashlib
import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dbkit import __version__
from dbkit.application import Application
from dbkit.database import connect, libpq_url

_URL_VARIABLE = "DBKIT_TEST_URL"
_READY = "dbkit: ready"
_KEPT_DAYS = 7
_STALE = """
select datname
from pg_database
where
    datname like %s
    and shobj_description(oid, 'pg_database') like 'dbkit: ready %%'
    and split_part(shobj_description(oid, 'pg_database'), ' ', 3)::date < current_date - %s
    and not exists (
        select from pg_stat_activity where pg_stat_activity.datname = pg_database.datname
    )
"""


@dataclass(frozen=True)
class Clone:
    """A database of one test's own, migrated to the newest version."""

    url: str
    name: str

    def connect(self) -> psycopg.Connection[Any]:
        """Open a connection in autocommit mode."""
        return connect(self.url)


@dataclass
class Clones:
    """Copies of a system's migrated template; one is made before it is asked for."""

    application: Application
    server: str
    template: str
    _warm: list[str] = field(default_factory=list[str])
    _making: threading.Thread | None = None

    def take(self) -> Clone:
        """Return a copy that nobody has."""
        if self._making is not None:
            self._making.join()
        name = self._warm.pop() if self._warm else self._make()
        self._making = threading.Thread(target=self._warm_up, name="dbkit-clones", daemon=True)
        self._making.start()
        return Clone(make_conninfo(self.server, dbname=name), name)

    def drop(self, name: str) -> None:
        """Drop a copy, whoever is connected to it."""
        with _maintenance(self.server) as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )

    def close(self) -> None:
        """Drop what was made in vain."""
        if self._making is not None:
            self._making.join()
        for name in self._warm:
            self.drop(name)

    def _warm_up(self) -> None:
        with suppress(psycopg.Error):
            self._warm.append(self._make())

    def _make(self) -> str:
        name = f"test_{self.application.name}_{uuid4().hex[:12]}"
        with _maintenance(self.server) as connection:
            connection.execute(
                sql.SQL("create database {} template {}").format(
                    sql.Identifier(name), sql.Identifier(self.template)
                )
            )
        return name


@contextmanager
def server_for_tests(application: Application) -> Generator[str]:
    """Give the URL of a server on which databases may be made and dropped."""
    given = os.environ.get(_URL_VARIABLE)
    if given:
        yield libpq_url(given)
        return
    with application.embedded() as url:
        yield url


@contextmanager
def _maintenance(server: str) -> Generator[psycopg.Connection[Any]]:
    with connect(make_conninfo(server, dbname="postgres")) as connection:
        yield connection


def make_template(application: Application, server: str) -> str:
    """Return the name of a database that is migrated as the files say, made if it is missing."""
    prefix = f"dbkit_{application.name}_"
    name = f"{prefix}{_digest(application)}"
    lock = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with _maintenance(server) as connection:
        # the workers of one run, and other runs, wait for whoever makes it
        connection.execute("select pg_advisory_lock(%s)", (lock,))
        query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
        found = connection.execute(query, (name,)).fetchone()
        identifier = sql.Identifier(name)
        if found is None or not str(found[0]).startswith(_READY):
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(identifier)
            )
            connection.execute(sql.SQL("create database {}").format(identifier))
            application.at(make_conninfo(server, dbname=name)).migrate()
        [today] = connection.execute("select current_date::text").fetchone() or [""]
        connection.execute(
            sql.SQL("comment on database {} is {}").format(identifier, f"{_READY} {today}")
        )
        for (stale,) in connection.execute(_STALE, (f"{prefix}%", _KEPT_DAYS)).fetchall():
            connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(stale)))
    return name


def _digest(application: Application) -> str:
    """Return a digest of all that decides how a migrated database looks."""
    digest = hashlib.sha256(__version__.encode())
    settings = application.settings
    folders = (settings.migrations, settings.sql / "_objects")
    for path in sorted(path for folder in folders for path in _sql_files(folder)):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sql_files(folder: Path) -> Iterator[Path]:
    return folder.glob("*.sql") if folder.is_dir() else iter(())
