"""A stranger's project for a test: one system, `shop`, with a database of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from dbkit.migrations import Reporter, Runner, Silent, Timeouts, read_files
from dbkit.settings import load_settings
from tests.commandline import run_dbkit

_PYPROJECT = "[tool.dbkit.systems.shop]\n"


@dataclass(frozen=True)
class Project:
    """The folder, the URL, and the two ways in: the command line and the runner."""

    root: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        for folder in ("migrations/shop", "sql/shop/_objects"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "pyproject.toml").write_text(_PYPROJECT)

    def migration(self, name: str, sql: str, rollback: str | None = "-- nothing\n") -> Path:
        """Write a migration and, unless it is None, its rollback."""
        path = self.root / "migrations" / "shop" / f"{name}.sql"
        path.write_text(sql)
        if rollback is not None:
            path.with_suffix(".rollback.sql").write_text(rollback)
        return path

    def object(self, name: str, sql: str) -> Path:
        """Write the file of a view, function, trigger or policy."""
        path = self.root / "sql" / "shop" / "_objects" / f"{name}.sql"
        path.write_text(sql)
        return path

    def dbkit(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line as a person would, in the project's folder."""
        return run_dbkit(arguments, self.root, self._environment(environment))

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the command line and go on, as a second person would."""
        return subprocess.Popen(
            [sys.executable, "-m", "dbkit", *arguments],
            cwd=self.root,
            env=self._environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self) -> dict[str, Any]:
        """Return what `dbkit status --json` says of the one system."""
        [system] = json.loads(self.dbkit("status", "--json").stdout)["systems"]
        found: dict[str, Any] = system
        return found

    def connect(self) -> psycopg.Connection:
        """Open a connection of one's own to the database, in autocommit mode."""
        return psycopg.connect(self.url, autocommit=True)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database something."""
        with self.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def runner(
        self,
        connection: psycopg.Connection,
        reporter: Reporter | None = None,
        *,
        lock_timeout: float | None = None,
        wait: float = 30.0,
    ) -> Runner:
        """Return the runner of the one system on a connection (in autocommit mode)."""
        settings = load_settings(self.root)
        files = read_files(settings.systems["shop"], settings.root)
        return Runner(files, connection, reporter or Silent(), Timeouts(lock_timeout), wait)

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        return {**os.environ, "SHOP_DATABASE_URL": self.url, **self.environment, **more}
