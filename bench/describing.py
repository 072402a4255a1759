"""Measure how a statement is described, beside a bare prepare and describe.

    python bench/describing.py [--statements 1250]

For one at a time, for one at a time with a catalog that is shared, and for all together: the round
trips, the time as a ratio, the transaction ids used, and how much pg_proc grows.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import psycopg

from dbkit.analysis import Catalog, describe, describe_many

_DBKIT = str(Path(sys.executable).parent / "dbkit")
_SCHEMA = """
create table customers (id bigint primary key, name text not null, email text);
create table orders (
    id bigint primary key, customer_id bigint not null references customers,
    state text not null, note text, placed_at timestamptz not null default now()
);
create view open_orders as select * from orders where state = 'open';
"""
_STATEMENTS = (
    "select id, name, email from customers where id = $1",
    (
        "select o.id, c.name, o.note from orders as o join customers as c on c.id = o.customer_id "
        "where o.state = $1 and o.placed_at > $2 order by o.placed_at desc, o.id limit $3"
    ),
    "insert into orders (id, customer_id, state, note) values ($1, $2, $3, $4) returning *",
    (
        "select c.id, count(o.id) as orders, max(o.placed_at) as latest from customers as c "
        "left join orders as o on o.customer_id = c.id group by c.id order by c.id"
    ),
    "select id, coalesce(note, $1) as note from open_orders where customer_id = any($2)",
    "update orders set state = $2 where id = $1 returning id, upper(state) as state",
)
_ENDING = re.compile(rb"\tF\t\d+\t(Sync|Query)\b")
_STATE = "select pg_current_xact_id()::text::bigint, pg_total_relation_size('pg_proc')"


def bare(connection: psycopg.Connection, texts: Sequence[str]) -> None:
    """Prepare and describe each statement, and nothing else."""
    for text in texts:
        connection.pgconn.prepare(b"", text.encode())
        connection.pgconn.describe_prepared(b"")


def alone(connection: psycopg.Connection, texts: Sequence[str]) -> None:
    """Describe each statement for itself."""
    for text in texts:
        describe(connection, text)


def shared(connection: psycopg.Connection, texts: Sequence[str]) -> None:
    """Describe each statement for itself, with one catalog for all."""
    catalog = Catalog(connection)
    for text in texts:
        describe(connection, text, catalog=catalog)


def together(connection: psycopg.Connection, texts: Sequence[str]) -> None:
    """Describe all statements at once."""
    describe_many(connection, texts)


def trips(connection: psycopg.Connection, work: Callable[[], None]) -> int:
    """Count the round trips of a piece of work."""
    with tempfile.TemporaryFile() as file:
        connection.pgconn.trace(file.fileno())
        work()
        connection.pgconn.untrace()
        file.seek(0)
        return sum(bool(_ENDING.search(line)) for line in file)


def measure(connection: psycopg.Connection, texts: Sequence[str]) -> None:
    """Measure and print."""
    first = 0.0
    print(f"{len(texts)} statements")
    for way in (bare, alone, shared, together):
        connection.execute("vacuum full pg_proc")
        way(connection, texts[:12])
        count = trips(connection, partial(way, connection, texts))
        before = connection.execute(_STATE).fetchone() or (0, 0)
        began = time.perf_counter()
        way(connection, texts)
        seconds = time.perf_counter() - began
        after = connection.execute(_STATE).fetchone() or (0, 0)
        first = first or seconds
        print(
            f"  {way.__name__:9} {count / len(texts):6.2f} round trips  "
            f"{1000 * seconds / len(texts):6.2f} ms  {seconds / first:6.1f} x  "
            f"{after[0] - before[0] - 1:6} transaction ids  "
            f"pg_proc {before[1] / 1e6:.1f} to {after[1] / 1e6:.1f} MB"
        )


def main() -> None:
    """Make a project with the embedded server, and measure there."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--statements", type=int, default=1250)
    options = parser.parse_args()
    project = Path(tempfile.mkdtemp(prefix="dbkit-bench-"))
    project.chmod(0o711)  # if we are root, the server's account has to pass through
    try:
        (project / "pyproject.toml").write_text("[tool.dbkit.systems.shop]\n")
        migration = project / "migrations" / "shop" / "0001_start.sql"
        migration.parent.mkdir(parents=True)
        migration.write_text(f"-- the shop opens\n{_SCHEMA}")
        migration.with_suffix(".rollback.sql").write_text(
            "drop view open_orders;\ndrop table orders, customers;\n"
        )
        subprocess.run([_DBKIT, "migrate"], cwd=project, check=True, stdout=subprocess.DEVNULL)
        url = subprocess.run(
            [_DBKIT, "url", "shop"], cwd=project, check=True, capture_output=True, text=True
        ).stdout.strip()
        texts = [
            f"{_STATEMENTS[number % len(_STATEMENTS)]} -- {number}"
            for number in range(options.statements)
        ]
        with psycopg.connect(url, autocommit=True) as connection:
            measure(connection, texts)
    finally:
        subprocess.run(
            [_DBKIT, "server", "reset", "--yes"], cwd=project, check=True, stdout=subprocess.DEVNULL
        )
        shutil.rmtree(project)


if __name__ == "__main__":
    main()
