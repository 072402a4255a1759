"""The rows of two tenants, and what a statement returns and changes with them or without."""

import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import psycopg

ONE, OTHER = 1, 2
_TABLES = (
    "tenants", "users", "workflows", "steps", "edges", "runs", "step_runs", "adapters",
    "invoices", "parts", "notes", "shelves", "books", "schedules", "gifts", "lamps", "moves",
    "countries",
)  # fmt: skip
_EVERYTHING = " union all ".join(
    f"select '{table}', t::text from {table} as t" for table in _TABLES
).encode()
_PARAMETER = re.compile(r"(?<!:):([a-z]\w*)")


class Seen(NamedTuple):
    """What a statement returned, and what every table held afterwards."""

    rows: list[str]
    left: dict[str, set[str]]


def numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement with `$1` and so on, and the names of these parameters."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    return _PARAMETER.sub(lambda match: f"${names.index(match[1]) + 1}", text), names


def fill(connection: psycopg.Connection) -> None:
    """Store the rows of a tenant, and the global rows."""
    connection.execute("insert into tenants values (1, 'a')")
    connection.execute("insert into countries values ('de', 'Germany')")
    connection.execute("insert into adapters values (1, 1, 'x'), (2, null, 'w'), (3, 1, 'w')")
    connection.execute("insert into gifts values (100, null, 501)")
    _fill(connection, ONE, 0, random.Random(0))  # noqa: S311 - data, not secrets
    connection.execute("refresh materialized view run_counts")


def others(connection: psycopg.Connection) -> Iterator[dict[str, set[str]]]:
    """Store another tenant's rows, in one way after the other, and yield them."""
    before = _snapshot(connection)
    for seed in range(3):
        with connection.transaction(force_rollback=True):
            connection.execute("insert into tenants values (2, 'b')")
            chance = random.Random(seed)  # noqa: S311 - data, not secrets
            _fill(connection, OTHER, 500, chance)
            connection.execute("insert into adapters values (500, 2, 'w'), (501, 2, 'x')")
            connection.execute("refresh materialized view run_counts")
            after = _snapshot(connection)
            yield {table: rows - before[table] for table, rows in after.items()}


def run(connection: psycopg.Connection, text: str, values: Sequence[object]) -> Seen | str:
    """Run a statement, read all tables, and undo it; or return the error's name."""
    with connection.transaction(force_rollback=True):
        try:
            cursor = psycopg.RawCursor(connection).execute(text.encode(), values)
        except psycopg.Error as error:
            return type(error).__name__
        rows = sorted(map(str, cursor.fetchall())) if cursor.description else []
        return Seen([*rows, str(cursor.rowcount)], _snapshot(connection))


def without(seen: Seen, hidden: dict[str, set[str]]) -> Seen:
    """Leave the rows out that another tenant had before."""
    left = {table: rows - hidden[table] for table, rows in seen.left.items()}
    return Seen(seen.rows, left)


def _snapshot(connection: psycopg.Connection) -> dict[str, set[str]]:
    rows: dict[str, set[str]] = {table: set() for table in _TABLES}
    for table, row in connection.execute(_EVERYTHING):
        rows[table].add(row)
    return rows


def _fill(connection: psycopg.Connection, tenant: int, first: int, chance: random.Random) -> None:
    def put(table: str, *values: object) -> None:
        slots = ", ".join(["%s"] * len(values))
        connection.execute(f"insert into {table} values ({slots})".encode(), values)

    def get(query: str, number: int) -> tuple[object, ...]:
        row = connection.execute(query.encode(), (number,)).fetchone()
        assert row is not None
        return row

    numbers = range(first + 1, first + 5)
    for number in numbers:
        put("users", number, tenant, chance.choice("xyz") + str(number % 10))
    for number in numbers:
        # both tenants use the same names
        above = chance.choice([None, *([1] if first else []), *range(first + 1, number)])
        put("workflows", number, tenant, above, chance.choice("awx"), first + 1)
        put("parts", number, 1, "p")
        put("parts", number, 2, "q")
        put("notes", number, number, chance.choice([1, 2]), "n")
        put("invoices", number, tenant, chance.randrange(9))
    for number in range(first + 1, first + 9):
        put("steps", number, chance.choice(numbers), "s")
    for number in range(first + 1, first + 5):
        at = chance.choice(numbers)
        put("edges", number, at, number, number + 1, "e")
    for number in range(first + 11, first + 17):
        put(
            "runs",
            number,
            tenant,
            chance.choice([1, 2, *numbers]),
            chance.choice(["pending", "done"]),
        )
        put("step_runs", number, number, 1)
    for number in numbers:
        # a column that is no foreign key may have the number of another tenant's row
        put("shelves", number, tenant, chance.choice([1, 2]), number)
        put("schedules", number, tenant, number, None)
        put("lamps", number, number)
        put("gifts", number, tenant, number)
        put("books", number, *get("select room, number from shelves where id = %s", number), "b")
    for number in range(first + 1, first + 9):
        (workflow,) = get("select workflow_id from steps where id = %s", number)
        put("moves", number, workflow, number)
