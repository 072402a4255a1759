"""Measure calls through generated code beside what other libraries take for the same.

    python bench/calls.py [--short | --smoke] [--only WORDS] [--write [FOLDER]]

`make bench` runs it in an environment of its own, with the peers of bench/requirements.txt. With
--smoke it needs none of them: it tries everything once, beside the driver alone.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
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
_FILL = """
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
from generate_series(1, :rows) as number;
vacuum analyze runs;
"""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is done in a run."""

    name: str
    # of the time of a whole run
    scale: float
    # the fewest slices of a contestant
    fewest: int
    # of the table, and of the largest result
    rows: int
    # of the largest batch
    sets: int
    has_peers: bool = True


_WHOLE = Extent(name="whole", scale=1, fewest=5, rows=100_000, sets=1_000_000)
_SHORT = replace(_WHOLE, name="short, so less exact", scale=0.08, fewest=2, sets=100_000)
_SMOKE = Extent(
    name="one slice each, so the figures say nothing",
    scale=0,
    fewest=1,
    rows=2_000,
    sets=2_000,
    has_peers=False,
)


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
    extents = parser.add_mutually_exclusive_group()
    for option, extent, purpose in (
        ("--short", _SHORT, "in about a minute, less exact"),
        ("--smoke", _SMOKE, "everything once and without the peers, to see that it works"),
    ):
        extents.add_argument(
            option, dest="extent", action="store_const", const=extent, default=_WHOLE, help=purpose
        )
    parser.add_argument("--scale", type=float, help="how much of the time of a whole run is taken")
    parser.add_argument("--only", default="", help="only works whose title has these words")
    parser.add_argument(
        "--write",
        metavar="FOLDER",
        nargs="?",
        const=_HERE,
        type=Path,
        help="write RESULTS.md and RESULTS.svg, beside this file where no folder is given",
    )
    options = parser.parse_args()
    _stay_on_one_processor()
    extent = options.extent
    if options.scale is not None:
        extent = replace(extent, scale=options.scale, name=f"{options.scale:g} of the time")
    with scratch(_SETTINGS) as (server, folder):
        url = _database(server, folder, extent.rows)
        results = _measured(url, folder, extent, options.only)
        if options.write:
            (options.write / "RESULTS.md").write_text(page(results))
            (options.write / "RESULTS.svg").write_text(picture(results))


def _stay_on_one_processor() -> None:
    """Keep the client, and the server that it starts, on one processor.

    Where there are several, it is chance whether a backend wakes beside its client or elsewhere,
    which doubles what both spend, for as long as the connection lasts.
    """
    if sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _database(server: EmbeddedServer, folder: Path, rows: int) -> str:
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
        for statement in _FILL.replace(":rows", str(rows)).split(";\n"):
            connection.execute(statement.encode())
    return url


def _measured(url: str, folder: Path, extent: Extent, only: str) -> Results:
    project = folder / "project"
    sys.path.insert(0, str(project))
    # not read by the type checkers, which run where the peers are not installed
    ways = import_module("peers" if extent.has_peers else "contestants")
    floor = _floor(folder)
    measured: list[Measured] = []
    counted: list[Counted] = []
    with ExitStack() as stack:
        contestants = (ways.Peers if extent.has_peers else ways.Contestants)(url, floor)
        stack.callback(contestants.close)
        for work in _works(contestants, extent.rows, has_floor=floor is not None):
            if only in work.title:
                spent = measure(
                    work.contestants(),
                    calls=work.calls,
                    seconds=work.seconds * extent.scale,
                    fewest=extent.fewest,
                )
                measured.append(Measured(work.title, tuple(_compared(work, spent)), spent))
                print("\n".join(lines(measured[-1])), flush=True)
    for memory in _memory(extent):
        if only in memory.title:
            amounts = {name: _growth(url, project, memory, name) for name in memory.names}
            if memory.goal is None and "asyncpg" in amounts:
                ratio = amounts["dbkit"] / amounts["asyncpg"]
                measured.append(Measured(memory.title, (Compared("asyncpg", ratio, 1.0),)))
                print("\n".join(lines(measured[-1])), flush=True)
            counted.append(Counted(memory.title, "MiB", amounts, memory.goal))
            print("\n".join(counted_lines(counted[-1])), flush=True)
    if only in "round trips":
        counted += _trips(url, folder, ways.trips_of_a_call, ways.trips_of_a_checkout)
    return Results(_about(url, extent, floor), measured, counted)


def _works(
    contestants: Any,  # noqa: ANN401 - see where it is imported
    most_rows: int,
    *,
    has_floor: bool,
) -> list[Work]:
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
            if loop in who.loops
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
                (most_rows, 1, 45, 0.70),
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
    others = spent.keys() - {"dbkit"}
    for other, goal in work.goals.items():
        name = other
        if other == _FASTEST:
            name = min(others, key=lambda each: spent[each].cpu)
        if name in others:
            theirs = spent[name]
            yield Compared(name, ours.cpu / theirs.cpu, goal, ours.wall / theirs.wall)


@dataclass(frozen=True)
class Memory:
    """A row of the table that tells by how much processes grow, each for one contestant."""

    title: str
    # of what, and how many
    kind: str
    number: int
    # in MiB; None where dbkit is compared with asyncpg
    goal: float | None
    names: Sequence[str]


def _memory(extent: Extent) -> list[Memory]:
    rows, sets = extent.rows, extent.sets
    peers = ["asyncpg", "asyncpg, Records"] if extent.has_peers else []
    readers = ["dbkit", *peers, "psycopg", "psycopg class_row"]
    return [
        Memory(f"memory of {rows:,} rows", "rows", rows, None, readers),
        Memory(f"memory of a :batch of {sets:,} sets", "batch", sets, 20, ["dbkit", *peers[:1]]),
    ]


def _growth(url: str, project: Path, memory: Memory, name: str) -> float:
    """Return how many MiB a process of its own grows for the work."""
    done = subprocess.run(
        [
            *(sys.executable, _HERE / "memory.py", url, project),
            *(memory.kind, name, str(memory.number)),
        ],
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


def _about(url: str, extent: Extent, floor: str | None) -> list[tuple[str, str]]:
    with psycopg.connect(url) as connection:
        server = connection.info.parameter_status("server_version") or ""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    required = (_HERE / "requirements.txt").read_text() if extent.has_peers else "psycopg=="
    peers = [
        line.partition("==")[0].partition("[")[0] for line in required.splitlines() if "==" in line
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
        ("run", extent.name),
        ("machine", f"{cpu_count()} cores, {model}"),
        ("PostgreSQL", f"{server}, over its unix socket, without fsync"),
        ("Python", platform.python_version()),
        ("peers", ", ".join(f"{name} {version(name)}" for name in peers)),
        ("libpq in C", "built" if floor else "not built: no compiler or no headers"),
        ("JSON", "by orjson in every peer that can be told so"),
    ]


if __name__ == "__main__":
    main()
