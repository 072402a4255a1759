"""Measure migrations beside psql and plain yoyo, as ratios in one run on one server.

    python bench/migrations.py [--sizes 1000,3000] [--rounds 5] [--no-yoyo]

Whole processes are timed, from start to exit, as a person would start them. The contestants take
turns, and the medians are compared.
"""

import argparse
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from scratch import scratch

from dbkit.server import EmbeddedServer, find_binaries

_BIN = Path(sys.executable).parent
# `psql -1` holds the locks of all migrations at once
_SETTINGS = {"max_locks_per_transaction": "1024", "shared_buffers": "256MB"}
_NUMBERS = itertools.count()
_ROWS = ("ledger", "mark", "log")
_TABLE = "create table {} (name text primary key, at timestamptz default now());\n"


def write_project(folder: Path, size: int) -> Path:
    """Write so many migrations of two statements each, and return the project's folder."""
    project = folder / f"project{size}"
    migrations = project / "migrations" / "shop"
    migrations.mkdir(parents=True)
    (project / "pyproject.toml").write_text("[tool.dbkit.systems.shop]\n")
    for number in range(1, size + 1):
        stem = migrations / f"{number:05}_table_{number}"
        stem.with_suffix(".sql").write_text(
            f"-- table {number} is wanted\n\n"
            f"create table t{number} (id integer primary key, name text not null);\n"
            f"create index t{number}_name on t{number} (name);\n"
        )
        stem.with_suffix(".rollback.sql").write_text(f"drop table t{number};\n")
    return project


class Bench:
    """One server, one project, and the ways to migrate it."""

    def __init__(self, server: EmbeddedServer, project: Path) -> None:
        self._server = server
        self._project = project
        self._psql = str(find_binaries().psql)
        migrations = project / "migrations" / "shop"
        self._files = sorted(migrations.glob("*[0-9].sql"))
        self._folder = migrations
        self._recorded = self._write_recorded(project / "recorded")

    def fresh(self) -> str:
        """Make an empty database and return its URL."""
        name = f"bench{next(_NUMBERS)}"
        self._server.ensure_database(name)
        return self._server.url(name)

    def drop(self, url: str) -> None:
        """Drop a database made by `fresh`."""
        name = url.rpartition("@/")[2].partition("?")[0]
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)".encode())

    def psql(self, url: str) -> float:
        """Time one psql process given all the files, in one transaction."""
        files = [part for file in self._files for part in ("-f", str(file))]
        return self._time([self._psql, "-qX1", "-v", "ON_ERROR_STOP=1", "-d", url, *files])

    def recorded(self, url: str) -> float:
        """Time one psql process that commits each file with three rows about it.

        This is the least that dbkit's promise costs, without anything that dbkit checks.
        """
        files = [part for file in self._recorded for part in ("-f", str(file))]
        return self._time([self._psql, "-qX", "-v", "ON_ERROR_STOP=1", "-d", url, *files])

    def dbkit(self, url: str) -> float:
        """Time `dbkit migrate`."""
        return self._time([str(_BIN / "dbkit"), "migrate", "shop", "--url", url])

    def yoyo(self, url: str) -> float:
        """Time plain yoyo, its own psycopg 3 backend."""
        address = url.replace("postgresql://", "postgresql+psycopg://").replace("%2F", "/")
        return self._time(
            [
                *(str(_BIN / "yoyo"), "apply", "--batch", "--no-config-file"),
                *("-d", address, str(self._folder)),
            ]
        )

    def connect(self, url: str) -> float:
        """Time a Python that imports psycopg and connects."""
        return self._time(
            [sys.executable, "-c", f"import psycopg; psycopg.connect({url!r}).close()"]
        )

    def _write_recorded(self, folder: Path) -> list[Path]:
        folder.mkdir()
        tables = folder / "tables.sql"
        tables.write_text("".join(_TABLE.format(name) for name in _ROWS))
        files = [tables]
        for file in self._files:
            rows = "".join(f"insert into {name} values ('{file.stem}');\n" for name in _ROWS)
            recorded = folder / file.name
            recorded.write_text(
                f"begin; set local synchronous_commit = off;\n{file.read_text()}{rows}commit;\n"
            )
            files.append(recorded)
        return files

    def _time(self, command: list[str]) -> float:
        began = time.perf_counter()
        done = subprocess.run(
            command,
            cwd=self._project,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"{Path(command[0]).name} failed: {done.stderr[-2000:]}")
        return seconds


def measure(
    bench: Bench, contestants: dict[str, Callable[[str], float]], rounds: int
) -> dict[str, float]:
    """Let the contestants take turns on empty databases, and return their medians."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            url = bench.fresh()
            seconds[name].append(run(url))
            bench.drop(url)
    return {name: statistics.median(times) for name, times in seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--sizes", default="1000,3000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-yoyo", action="store_true")
    options = parser.parse_args()
    with scratch(_SETTINGS) as (server, folder):
        for size in map(int, options.sizes.split(",")):
            bench = Bench(server, write_project(folder, size))
            contestants: dict[str, Callable[[str], float]] = {
                "psql -1": bench.psql,
                "psql, commit + rows a file": bench.recorded,
                "dbkit": bench.dbkit,
            }
            found = measure(bench, contestants, options.rounds)
            if not options.no_yoyo:
                found |= measure(bench, {"yoyo": bench.yoyo}, 1)
            report(f"{size} migrations of two statements", found)
            applied = bench.fresh()
            bench.dbkit(applied)
            idle = measure_on(
                applied,
                {"import psycopg + connect": bench.connect, "dbkit, nothing pending": bench.dbkit},
                options.rounds * 4,
            )
            report(f"nothing pending of {size}", idle)
            bench.drop(applied)


def measure_on(
    url: str, contestants: dict[str, Callable[[str], float]], rounds: int
) -> dict[str, float]:
    """Let the contestants take turns on one database, and return their medians."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            seconds[name].append(run(url))
    return {name: statistics.median(times) for name, times in seconds.items()}


def report(title: str, found: dict[str, float]) -> None:
    """Print the medians, each with its ratio to the first."""
    first = next(iter(found.values()))
    print(title)
    for name, seconds in found.items():
        print(f"  {name:26} {seconds:8.3f} s  {seconds / first:6.2f} x", flush=True)


if __name__ == "__main__":
    main()
