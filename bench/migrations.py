"""Measure migrations beside psql that keeps the same promise, as ratios in one run on one server.

    python bench/migrations.py [--only WORDS] [--rounds 5] [--yoyo] [--write]

Whole processes are measured, from start to exit, as a person would start them: their CPU and that
of the server. psql gets all files in one session, and commits each with the rows that say so and
with its texts; object files it commits together, each with its row. The contestants take turns on
empty databases, and the quarter that took least is compared.
"""

import argparse
import itertools
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psycopg
from histories import write_copy, write_history, write_objects, write_rows, write_small
from scratch import scratch

from dbkit.server import EmbeddedServer, find_binaries

_BIN = Path(sys.executable).parent
_PAGE = Path(__file__).parent / "MIGRATIONS.md"
# `psql -1` holds the locks of all migrations at once
_SETTINGS = {"max_locks_per_transaction": "1024", "shared_buffers": "256MB"}
_NUMBERS = itertools.count()
_ROWS = ("ledger", "mark", "log")
_TABLE = "create table {} (name text primary key, at timestamptz default now());\n"
_TEXTS = "create table kept (name text primary key, up_text text, down_text text);\n"
_OBJECT_ROWS = "create table object (path text primary key, definition text);\n"
_KEPT_WHOLE = 1 << 24
_BETWEEN_LOOKS = 0.01
_TICKS = os.sysconf("SC_CLK_TCK")
# compiled modules are kept, as they are where a person works
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


class Spent(NamedTuple):
    """What one process took, in seconds, and the most memory that it had, in MiB."""

    client: float
    server: float
    wall: float
    memory: float

    @property
    def cpu(self) -> float:
        """What it and the server spent together."""
        return self.client + self.server


@dataclass(frozen=True)
class Work:
    """Something to measure."""

    title: str
    write: Callable[[Path], None]
    # what dbkit may take of what the other takes
    goal: float | None
    idle_goal: float | None = None


_WORKS = [
    Work("1,000 files of two statements", partial(write_small, size=1000), 1.2, 1.6),
    Work("3,000 files of two statements", partial(write_small, size=3000), 1.0),
    Work("10,000 files of two statements", partial(write_small, size=10000), 1.0),
    Work("a history of 150 files", partial(write_history, steps=150, seed=1), 1.5),
    Work("a history of 250 files", partial(write_history, steps=250, seed=2), 1.5),
    Work("a history of 350 files", partial(write_history, steps=350, seed=3), 1.5),
    Work("4 MB of single-row inserts", partial(write_rows, megabytes=4, rows=1), 1.5),
    Work("4 MB of inserts of 1,000 rows", partial(write_rows, megabytes=4, rows=1000), None),
    Work("100 MB of inserts of 1,000 rows", partial(write_rows, megabytes=100, rows=1000), None),
    Work("100 MB of data for a copy", partial(write_copy, megabytes=100), None),
    *(
        Work(
            f"{size:,} {kind}, each in need of a later one",
            partial(write_objects, kind=kind, size=size),
            3.0,
        )
        for kind in ("views", "functions", "triggers")
        for size in (100, 400, 1600)
    ),
]


class Bench:
    """One server, one project, and the ways to migrate it."""

    def __init__(self, server: EmbeddedServer, folder: Path, project: Path) -> None:
        self._server = server
        [pid_file] = folder.rglob("postmaster.pid")
        self._postmaster = int(pid_file.read_text().split()[0])
        self._project = project
        self._psql = str(find_binaries().psql)
        self._folder = project / "migrations" / "shop"
        files = sorted(
            path for path in self._folder.glob("*.sql") if not path.stem.endswith(".rollback")
        )
        self._recorded = self._write_recorded(project / "recorded", files)
        # in the only order that works
        objects = sorted((project / "sql").rglob("*.sql"), reverse=True)
        self._recorded += self._write_together(project / "together.sql", objects)

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

    def recorded(self, url: str) -> Spent:
        """Run one psql that commits each file with three rows about it and one with its texts.

        This is the least that dbkit's promise costs, without anything that dbkit checks.
        """
        files = [part for file in self._recorded for part in ("-f", str(file))]
        return self._run([self._psql, "-qX", "-v", "ON_ERROR_STOP=1", "-d", url, *files])

    def dbkit(self, url: str) -> Spent:
        """Run `dbkit migrate`."""
        return self._run([str(_BIN / "dbkit"), "migrate", "shop", "--url", url])

    def yoyo(self, url: str) -> Spent:
        """Run plain yoyo, its own psycopg 3 backend."""
        address = url.replace("postgresql://", "postgresql+psycopg://").replace("%2F", "/")
        return self._run(
            [
                *(str(_BIN / "yoyo"), "apply", "--batch", "--no-config-file"),
                *("-d", address, str(self._folder)),
            ]
        )

    def connect(self, url: str) -> Spent:
        """Run a Python that imports psycopg and connects."""
        return self._run(
            [sys.executable, "-c", f"import psycopg; psycopg.connect({url!r}).close()"]
        )

    @staticmethod
    def _write_recorded(folder: Path, files: list[Path]) -> list[Path]:
        folder.mkdir()
        tables = folder / "tables.sql"
        tables.write_text("".join(_TABLE.format(name) for name in _ROWS) + _TEXTS)
        written = [tables]
        for file in files:
            rows = "".join(f"insert into {name} values ('{file.stem}');\n" for name in _ROWS)
            rows += _kept(file)
            recorded = folder / file.name
            recorded.write_text(
                f"begin; set local synchronous_commit = off;\n{file.read_text()}{rows}commit;\n"
            )
            written.append(recorded)
        return written

    @staticmethod
    def _write_together(path: Path, files: list[Path]) -> list[Path]:
        if not files:
            return []
        parts = (
            f"\\i {file}\n"
            f"insert into object values ('{file.stem}', $kept${file.read_text()}$kept$);\n"
            for file in files
        )
        path.write_text(f"begin;\n{_OBJECT_ROWS}{''.join(parts)}commit;\n")
        return [path]

    def _run(self, command: list[str]) -> Spent:
        server = self._server_seconds()
        began = time.perf_counter()
        told = self._project / "told"
        with told.open("w") as errors:
            process = subprocess.Popen(
                command,
                cwd=self._project,
                env=_ENVIRONMENT,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
            # what the system tells afterwards has the memory of this process in it
            memory = 0.0
            while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
                memory = max(memory, _peak(process.pid))
                time.sleep(_BETWEEN_LOOKS)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        used = ended[2]
        wall = time.perf_counter() - began
        if process.returncode:
            sys.exit(f"{Path(command[0]).name} failed: {told.read_text()[-2000:]}")
        return Spent(
            used.ru_utime + used.ru_stime,
            self._server_seconds() - server,
            wall,
            memory,
        )

    def _server_seconds(self) -> float:
        """Return what the server and all its processes have spent, those that ended too."""
        # a backend ends a moment after its client
        time.sleep(0.2)
        own = _fields(self._postmaster)
        ticks = sum(map(int, own[11:15]))
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                fields = _fields(int(folder.name))
                if fields and int(fields[1]) == self._postmaster:
                    ticks += sum(map(int, fields[11:13]))
        return ticks / _TICKS


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _kept(file: Path) -> str:
    """Return what keeps the texts of a migration, unless they are all data."""
    if file.stat().st_size > _KEPT_WHOLE:
        return ""
    texts = (path.read_text() for path in (file, file.with_suffix(".rollback.sql")))
    up, down = (f"$kept${text}$kept$" for text in texts)
    return f"insert into kept values ('{file.stem}', {up}, {down});\n"


def _peak(pid: int) -> float:
    """Return the most memory that a process had so far, in MiB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    _, found, rest = status.partition("VmHWM:")
    return int(rest.split()[0]) / 1024 if found else 0.0


def measure(
    bench: Bench, contestants: Mapping[str, Callable[[str], Spent]], rounds: int
) -> dict[str, Spent]:
    """Let the contestants take turns on empty databases, and return the best quarter of each."""
    spent: dict[str, list[Spent]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            url = bench.fresh()
            spent[name].append(run(url))
            bench.drop(url)
    return {name: _quarter(each) for name, each in spent.items()}


def measure_idle(bench: Bench, url: str, rounds: int) -> dict[str, Spent]:
    """Let the contestants take turns on a database where nothing is pending."""
    contestants = {_CONNECT: bench.connect, "dbkit": bench.dbkit}
    spent: dict[str, list[Spent]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            spent[name].append(run(url))
    return {name: _quarter(each) for name, each in spent.items()}


_CONNECT = "import psycopg + connect"
_PROMISE = "psql, commit + rows a file"


def _quarter(spent: list[Spent]) -> Spent:
    typical = sorted(spent, key=lambda each: each.cpu)[len(spent) // 4]
    return typical._replace(wall=statistics.median(each.wall for each in spent))


class Line(NamedTuple):
    """A line of the page."""

    title: str
    name: str
    spent: Spent
    ratio: float
    goal: float | None

    def cells(self) -> str:
        """Return it as a row of a table."""
        goal = "" if self.goal is None else f"{self.goal:.1f}"
        return (
            f"| {self.title} | {self.name} | {self.spent.client:.2f} | {self.spent.server:.2f} "
            f"| {self.spent.wall:.2f} | {self.spent.memory:.0f} | {self.ratio:.2f} | {goal} |"
        )


def _lines(title: str, found: Mapping[str, Spent], goal: float | None) -> Iterator[Line]:
    first = next(iter(found.values()))
    for name, spent in found.items():
        ours = goal if name == "dbkit" else None
        yield (line := Line(title, name, spent, spent.cpu / first.cpu, ours))
        print(line.cells(), flush=True)


def main() -> None:
    """Measure, print, and write the page where that was asked for."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--only", default="", help="what the title has to hold")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--yoyo", action="store_true", help="plain yoyo too, once")
    parser.add_argument("--write", action="store_true", help=f"write {_PAGE.name}")
    options = parser.parse_args()
    lines: list[Line] = []
    with scratch(_SETTINGS) as (server, folder):
        for number, work in enumerate(_WORKS):
            if options.only not in work.title:
                continue
            project = folder / f"project{number}"
            migrations = project / "migrations" / "shop"
            migrations.mkdir(parents=True)
            (project / "pyproject.toml").write_text("[tool.dbkit.systems.shop]\n")
            work.write(migrations)
            bench = Bench(server, folder, project)
            contestants = {_PROMISE: bench.recorded, "dbkit": bench.dbkit}
            found = measure(bench, contestants, options.rounds)
            if options.yoyo:
                found |= measure(bench, {"yoyo": bench.yoyo}, 1)
            lines += _lines(work.title, found, work.goal)
            if work.idle_goal is not None:
                applied = bench.fresh()
                bench.dbkit(applied)
                idle = measure_idle(bench, applied, options.rounds * 3)
                lines += _lines(f"{work.title}, nothing pending", idle, work.idle_goal)
                bench.drop(applied)
    if options.write:
        _PAGE.write_text(_page(lines))


def _page(lines: list[Line]) -> str:
    rows = "\n".join(line.cells() for line in lines)
    server = find_binaries().psql.parent.parent.name
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, PostgreSQL from {server}"
    )
    return f"""# What migrations cost

Written by `python bench/migrations.py --write`. {about}.

psql gets all files in one session and commits each with three rows that say so, which is the least
that the promise of `dbkit migrate` costs. Object files it gets in the order that works, in one
transaction, each with one row that has its text; dbkit has to find that order. Client and server
are seconds of CPU, wall is by the clock, memory is the most that the client had, in MiB. The ratio
is that of client and server together.

| work | who | client | server | wall | memory | ratio | goal |
|---|---|---|---|---|---|---|---|
{rows}
"""


if __name__ == "__main__":
    main()
