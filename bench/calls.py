"""Measure calls through generated code beside what other libraries take for the same.

    python bench/calls.py [--short] [--only WORDS] [--write]

`make bench` runs it in an environment of its own, with the peers of bench/requirements.txt.
"""

import argparse
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import version
from os import cpu_count, environ
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from measuring import Contestant, Spent, measure
from psycopg.conninfo import conninfo_to_dict
from results import Compared, Counted, Measured, Results, counted_lines, lines, page, picture
from roundtrips import Wire
from scratch import scratch

from dbkit.server import EmbeddedServer

_HERE = Path(__file__).parent
_SYSTEM = "measured"
# the log behind a table is not what is measured, and a slice is no place for a checkpoint
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
    "max_connections": "100",
}
_FASTEST = "the fastest"
_ROWS = 100_000
_FILL = f"""
insert into runs
select
    gen_random_uuid(),
    gen_random_uuid(),
    gen_random_uuid(),
    (array['queued', 'running', 'done', 'failed'])[1 + number % 4],
    jsonb_build_object(
        'attempt', number % 5, 'model', 'large-' || number % 7, 'tags', jsonb_build_array('a', 'b'),
        'cost', number / 100.0
    ),
    case when number % 3 = 0 then 'a note about run ' || number end,
    timestamptz '2026-01-01' + number * interval '1 second',
    case when number % 4 > 1 then timestamptz '2026-06-01' + number * interval '1 second' end,
    number
from generate_series(1, {_ROWS}) as number;
vacuum analyze runs;
"""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One row of the table: who does what, and what dbkit is compared with."""

    title: str
    contestants: Callable[[], Sequence[Contestant]]
    # the calls of one slice
    calls: int
    # for how long the contestants take turns in a whole run
    seconds: float
    # the contestant that is 1, with the goal
    goals: Mapping[str, float | None]


def main() -> None:
    """Measure, print, and write the page and its picture where that was asked for."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="in about a minute, less exact")
    parser.add_argument("--scale", type=float, help="how much of the time of a whole run is taken")
    parser.add_argument("--only", default="", help="only works whose title has these words")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md and RESULTS.svg")
    options = parser.parse_args()
    scale = options.scale or (0.08 if options.short else 1.0)
    with scratch(_SETTINGS) as (server, folder):
        url = _database(server, folder)
        results = _measured(url, folder, scale, options.only)
        if options.write:
            (_HERE / "RESULTS.md").write_text(page(results))
            (_HERE / "RESULTS.svg").write_text(picture(results))


def _database(server: EmbeddedServer, folder: Path) -> str:
    """Migrate and fill a database, generate its package, and return the URL."""
    shutil.copytree(_HERE / _SYSTEM, folder / "project")
    server.ensure_database(_SYSTEM)
    url = server.url(_SYSTEM)
    for command in ("migrate", "generate"):
        subprocess.run(
            [Path(sys.executable).parent / "dbkit", command, _SYSTEM, "--url", url],
            cwd=folder / "project",
            check=True,
            stdout=subprocess.DEVNULL,
            env={**environ, "MEASURED_URL": url},
        )
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _FILL.split(";\n"):
            connection.execute(statement.encode())
    return url


def _measured(url: str, folder: Path, scale: float, only: str) -> Results:
    project = folder / "project"
    sys.path.insert(0, str(project))
    # not read by the type checkers, which run where the peers are not installed
    peers = import_module("contestants")
    floor = _floor(folder)
    measured: list[Measured] = []
    counted: list[Counted] = []
    with ExitStack() as stack:
        contestants = peers.Contestants(url, floor)
        stack.callback(contestants.close)
        for work in _works(contestants, has_floor=floor is not None):
            if only in work.title:
                spent = measure(
                    work.contestants(),
                    calls=work.calls,
                    seconds=work.seconds * scale,
                    fewest=5 if scale >= 1 else 2,
                )
                measured.append(Measured(work.title, tuple(_compared(work, spent)), spent))
                print("\n".join(lines(measured[-1])), flush=True)
    for kind, title, number, goal, names in _memory(scale):
        if only in title:
            amounts = {name: _growth(url, project, f"{kind} {name}", number) for name in names}
            if goal is None:
                ratio = amounts["dbkit"] / amounts["asyncpg"]
                measured.append(Measured(title, (Compared("asyncpg", ratio, 1.0),)))
                print("\n".join(lines(measured[-1])), flush=True)
            counted.append(Counted(title, "MiB", amounts, goal))
            print("\n".join(counted_lines(counted[-1])), flush=True)
    if only in "round trips":
        counted += _trips(url, folder, peers.trips_of_a_call, peers.trips_of_a_checkout)
    return Results(_about(url, scale, floor), measured, counted)


def _works(contestants: Any, *, has_floor: bool) -> list[Work]:  # noqa: ANN401 - see where it is imported
    who = contestants
    return [
        Work(
            title="one row by key, blocking",
            contestants=who.one_row,
            calls=300,
            seconds=70,
            goals={"asyncpg": 0.50} | ({"libpq in C": 1.65} if has_floor else {}),
        ),
        *(
            Work(
                title=f"one row by key, {loop}",
                contestants=partial(who.one_row_async, loop),
                calls=300,
                seconds=22,
                goals={"asyncpg": goal},
            )
            for loop, goal in (("asyncio", 0.80), ("uvloop", 0.85))
        ),
        *(
            Work(
                title=f"{rows:,} rows",
                contestants=partial(who.many_rows, rows),
                calls=calls,
                seconds=seconds,
                goals={"asyncpg": goal},
            )
            for rows, calls, seconds, goal in (
                (20, 100, 22, 0.60),
                (1000, 5, 22, 0.68),
                (_ROWS, 1, 45, 0.70),
            )
        ),
        *(
            Work(
                title=f"insert returning, {'asyncio' if awaited else 'blocking'}",
                contestants=partial(who.insert_returning, awaited=awaited),
                calls=300,
                seconds=18,
                goals={"asyncpg": goal},
            )
            for awaited, goal in ((False, 0.60), (True, 0.90))
        ),
        Work(
            title="update, blocking",
            contestants=who.update,
            calls=300,
            seconds=18,
            goals={"asyncpg": None},
        ),
        Work(
            title=":copy of 10,000 rows",
            contestants=partial(who.copy, 10_000),
            calls=1,
            seconds=22,
            goals={_FASTEST: 1.1},
        ),
        Work(
            title=":batch of 10,000 inserts",
            contestants=partial(who.batch, 10_000),
            calls=1,
            seconds=30,
            goals={"asyncpg": 1.0},
        ),
        Work(
            title="pool, 8 threads",
            contestants=who.threads,
            calls=800,
            seconds=30,
            goals={"psycopg_pool": 0.75},
        ),
        Work(
            title="pool, 64 tasks",
            contestants=who.tasks,
            calls=640,
            seconds=30,
            goals={"asyncpg pool": 0.85},
        ),
    ]


def _compared(work: Work, spent: dict[str, Spent]) -> Generator[Compared]:
    ours = spent["dbkit"]
    for other, goal in work.goals.items():
        name = other
        if other == _FASTEST:
            name = min(spent.keys() - {"dbkit"}, key=lambda each: spent[each].cpu)
        theirs = spent[name]
        yield Compared(name, ours.cpu / theirs.cpu, goal, ours.wall / theirs.wall)


def _memory(scale: float) -> list[tuple[str, str, int, float | None, list[str]]]:
    sets = 1_000_000 if scale >= 1 else 100_000
    peers = ["asyncpg", "asyncpg, Records", "psycopg", "psycopg class_row"]
    return [
        ("rows", f"memory of {_ROWS:,} rows", _ROWS, None, ["dbkit", *peers]),
        ("batch", f"memory of a :batch of {sets:,} sets", sets, 20, ["dbkit", "asyncpg"]),
    ]


def _growth(url: str, project: Path, work: str, number: int) -> float:
    """Return how many MiB a process of its own grows for the work."""
    done = subprocess.run(
        [sys.executable, _HERE / "memory.py", url, project, work, str(number)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def _trips(
    url: str,
    folder: Path,
    of_a_call: Callable[[str, Wire], dict[str, tuple[int, int]]],
    of_a_checkout: Callable[[str, Wire], dict[str, tuple[int, int]]],
) -> Generator[Counted]:
    options = conninfo_to_dict(url)
    socket = Path(str(options["host"]), f".s.PGSQL.{options['port']}")
    between = folder / "wire"
    between.mkdir()
    wire = Wire(between, socket)
    through = url.replace(quote(str(options["host"]), safe=""), quote(str(between), safe=""))
    first = of_a_call(through, wire)
    lent = of_a_checkout(through, wire)
    wire.close()
    for title, goal, counts in (
        (
            "round trips of a query's first call",
            2,
            {name: float(count) for name, (count, _) in first.items()},
        ),
        (
            "round trips of its second call",
            1,
            {name: float(count) for name, (_, count) in first.items()},
        ),
        (
            "round trips of a checkout and one call",
            2,
            {name: float(count) for name, (_, count) in lent.items()},
        ),
    ):
        yield (counted := Counted(title, "", counts, goal))
        print("\n".join(counted_lines(counted)), flush=True)


def _floor(folder: Path) -> str | None:
    """Build the libpq program, or say why that is not done."""
    program = folder / "libpq"
    compiler = shutil.which("cc")
    config = shutil.which("pg_config")
    if compiler is None or config is None:
        missing = "C compiler" if compiler is None else "pg_config"
        print(f"without the floor of libpq in C: there is no {missing} here")
        return None
    include, library = (
        subprocess.run([config, what], check=True, capture_output=True, text=True).stdout.strip()
        for what in ("--includedir", "--libdir")
    )
    built = subprocess.run(
        [compiler, "-O2", f"-I{include}", f"-L{library}", "-o", program, _HERE / "libpq.c", "-lpq"],
        check=False,
        capture_output=True,
        text=True,
    )
    if built.returncode:
        print("without the floor of libpq in C: bench/libpq.c was not built")
        print(built.stderr)
        return None
    return str(program)


def _about(url: str, scale: float, floor: str | None) -> list[tuple[str, str]]:
    with psycopg.connect(url) as connection:
        server = connection.info.parameter_status("server_version") or ""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    peers = [
        line.partition("==")[0].partition("[")[0]
        for line in (_HERE / "requirements.txt").read_text().splitlines()
        if "==" in line
    ]
    commit = subprocess.run(
        ["git", "-C", _HERE, "rev-parse", "--short", "HEAD"],
        check=False,
        capture_output=True,
        text=True,
    ).stdout.strip()
    return [
        ("date", f"{datetime.now(UTC):%Y-%m-%d}"),
        ("dbkit", f"{version('dbkit')} {commit and f'({commit})'}"),
        ("run", "whole" if scale >= 1 else "short, so less exact"),
        ("machine", f"{cpu_count()} cores, {model}"),
        ("PostgreSQL", f"{server}, over its unix socket, without fsync"),
        ("Python", platform.python_version()),
        ("peers", ", ".join(f"{name} {version(name)}" for name in peers)),
        ("libpq in C", "built" if floor else "not built: no compiler or no headers"),
        ("JSON", "by orjson in every peer that can be told so"),
    ]


if __name__ == "__main__":
    main()
