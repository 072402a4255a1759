"""Measure `dbkit generate --check` beside the start of the command line, as a ratio.

    python bench/generating.py [--queries 200] [--rounds 9]

It runs before every commit, so nobody should have to wait for it: it asks no server, and types
nothing. Whole processes are timed, in turns, and the medians are compared.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_DBKIT = str(Path(sys.executable).parent / "dbkit")
_CONTESTANTS = {
    "dbkit --version": ["--version"],
    "dbkit status": ["status"],
    "dbkit generate --check": ["generate", "--check"],
}


def write_project(project: Path, queries: int) -> None:
    """Write a system of so many queries, migrate it and generate its package."""
    folder = project / "sql" / "shop" / "orders"
    folder.mkdir(parents=True)
    (project / "pyproject.toml").write_text('[tool.dbkit.systems.shop]\npackage = "shop"\n')
    for number in range(queries):
        text = f"-- Number {number}.\n-- :one\nselect {number} as number;\n"
        (folder / f"get_{number}.sql").write_text(text)
    migration = project / "migrations" / "shop" / "0001_start.sql"
    migration.parent.mkdir(parents=True)
    migration.write_text("-- the shop opens\n\ncreate table orders (id integer);\n")
    migration.with_suffix(".rollback.sql").write_text("drop table orders;\n")
    run(project, "migrate")
    run(project, "generate")


def run(project: Path, *arguments: str) -> float:
    """Run dbkit in a project, and return how many seconds it took."""
    began = time.perf_counter()
    subprocess.run([_DBKIT, *arguments], cwd=project, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    project = Path(tempfile.mkdtemp(prefix="dbkit-bench-"))
    project.chmod(0o711)  # if we are root, the server's account has to pass through
    try:
        write_project(project, options.queries)
        seconds: dict[str, list[float]] = {name: [] for name in _CONTESTANTS}
        for _ in range(options.rounds):
            for name, arguments in _CONTESTANTS.items():
                seconds[name].append(run(project, *arguments))
    finally:
        run(project, "server", "reset", "--yes")
        shutil.rmtree(project)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    first = next(iter(medians.values()))
    print(f"{options.queries} queries")
    for name, median in medians.items():
        print(f"  {name:26} {median:8.3f} s  {median / first:6.2f} x")


if __name__ == "__main__":
    main()
