"""Two tenants' rows, and what a statement shows and leaves, with and without the other's."""

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
    """What came back, and what every table held afterwards."""

    rows: list[str]
    left: dict[str, set[str]]


def numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement with `$1` and so on, and what these are called."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text), names


def fill(connection: psycopg.Connection) -> None:
    """Store a tenant's rows, and what is everybody's."""
    connection.execute("insert into tenants values (1, 'a')")
    connection.execute("insert into countries values ('de', 'Germany')")
    connection.execute("insert into adapters values (1, 1, 'x'), (2, null, 'w'), (3, 1, 'w')")
    connection.execute("insert into gifts values (100, null, 501)")
    _fill(connection, ONE, 0, random.Random(0))  # noqa: S311 - data, not secrets
    connection.execute("refresh materialized view run_counts")


def others(connection: psycopg.Connection) -> Iterator[dict[str, set[str]]]:
    """Store another tenant's rows, one way after the other, and say which they are."""
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
    """Run a statement, look at everything, and undo it; or tell why it was refused."""
    with connection.transaction(force_rollback=True):
        try:
            cursor = psycopg.RawCursor(connection).execute(text.encode(), values)
        except psycopg.Error as error:
            return type(error).__name__
        rows = sorted(map(str, cursor.fetchall())) if cursor.description else []
        return Seen([*rows, str(cursor.rowcount)], _snapshot(connection))


def without(seen: Seen, hidden: dict[str, set[str]]) -> Seen:
    """Take the rows out that were another's before."""
    left = {table: rows - hidden[table] for table, rows in seen.left.items()}
    return Seen(seen.rows, left)


def _snapshot(connection: psycopg.Connection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {table: set() for table in _TABLES}
    for table, row in connection.execute(_EVERYTHING):
        found[table].add(row)
    return found


def _fill(connection: psycopg.Connection, tenant: int, first: int, chance: random.Random) -> None:
    def put(table: str, *values: object) -> None:
        slots = ", ".join(["%s"] * len(values))
        connection.execute(f"insert into {table} values ({slots})".encode(), values)

    def one(query: str, number: int) -> tuple[object, ...]:
        found = connection.execute(query.encode(), (number,)).fetchone()
        assert found is not None
        return found

    numbers = range(first + 1, first + 5)
    for number in numbers:
        put("users", number, tenant, chance.choice("xyz") + str(number % 10))
    for number in numbers:
        # a name of one is a name of the other's, too
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
        # what is no reference may name another tenant's
        put("shelves", number, tenant, chance.choice([1, 2]), number)
        put("schedules", number, tenant, number, None)
        put("lamps", number, number)
        put("gifts", number, tenant, number)
        put("books", number, *one("select room, number from shelves where id = %s", number), "b")
    for number in range(first + 1, first + 9):
        (workflow,) = one("select workflow_id from steps where id = %s", number)
        put("moves", number, workflow, number)
