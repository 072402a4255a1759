"""What is said to be one tenant's gives the same, and fails the same, whatever another has."""

import os
import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from typing import NamedTuple

import psycopg
import pytest

from dbkit.analysis import Catalog
from dbkit.server import EmbeddedServer
from dbkit.tenancy import Ownership, find_crossings
from tests.tenancy.generated import SCHEMA, TABLES, Generated
from tests.tenancy.two_tenants import ONE, numbered

# how many statements are made, and the seed of the first one
STATEMENTS = int(os.environ.get("DBKIT_STATEMENTS") or 500)
FIRST = int(os.environ.get("DBKIT_SEED") or 0)
_WORLDS = 5
_VALUES = {"tenant_id": ONE, "zero": 0}
# of another tenant, these are no numbers, no patterns, and zero
_ODD_VALUES = (None, "7", "12", "secret", "(", "7x", "")
_EVERYTHING = " union all ".join(
    f"select '{table}', t::text from {table} as t" for table in TABLES
).encode()


class Outcome(NamedTuple):
    """What a statement gave or why it failed, and what it left of the tenant's and everybody's."""

    answer: str
    left: frozenset[tuple[str, str]]
    # the other tenant's rows are as they were
    is_untouched: bool


@pytest.fixture(scope="session")
def worlds(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    """A connection to tables of tenants without a row, in autocommit mode."""
    server.ensure_database("tenants_by_chance")
    url = server.url("tenants_by_chance")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        yield connection


def proved(connection: psycopg.Connection, seeds: range) -> dict[int, str]:
    """Return the statements that are said to keep to the tenant, by their seeds."""
    ownership = Ownership(Catalog(connection), "tenant_id")
    found: dict[int, str] = {}
    for seed in seeds:
        text, names = numbered(Generated(seed).statement())
        # not every combination of random parts is a statement
        with suppress(psycopg.ProgrammingError, psycopg.DataError):
            crossings = find_crossings(
                connection, text, names, tenant="tenant_id", ownership=ownership
            )
            if not crossings:
                found[seed] = text
    return found


def outcomes(
    connection: psycopg.Connection, statements: dict[int, str], world: int
) -> dict[int, Outcome]:
    """Run statements in a world: 0 has one tenant, each other one another tenant as well."""
    seen: dict[int, Outcome] = {}
    with connection.transaction(force_rollback=True):
        _fill(connection)
        own = _snapshot(connection)
        if world:
            _fill_other(connection, world)
        others = _snapshot(connection) - own
        for seed, text in statements.items():
            _, names = numbered(Generated(seed).statement())
            with connection.transaction(force_rollback=True):
                answer = _answer(connection, text, [_VALUES[name] for name in names])
                after = _snapshot(connection) if _writes(text) and "failed" not in answer else None
            left = frozenset(own) if after is None else after - others
            seen[seed] = Outcome(answer, left, after is None or others <= after)
    return seen


def _answer(connection: psycopg.Connection, text: str, values: list[object]) -> str:
    try:
        cursor = psycopg.RawCursor(connection).execute(text.encode(), values)
    except psycopg.errors.UniqueViolation:
        # a key that all tenants share shows whether it is taken
        return "failed: taken"
    except psycopg.Error as error:
        return f"failed: {type(error).__name__} {error.diag.message_primary}"
    rows = sorted(map(str, cursor.fetchall())) if cursor.description else []
    return str([*rows, cursor.rowcount])


def _writes(text: str) -> bool:
    return any(word in text for word in ("update ", "delete ", "insert ", "merge "))


def _snapshot(connection: psycopg.Connection) -> frozenset[tuple[str, str]]:
    return frozenset(connection.execute(_EVERYTHING).fetchall())


def _fill(connection: psycopg.Connection) -> None:
    """Store what is everybody's, and a tenant's rows: whatever is asked of these does not fail."""
    connection.execute(
        """
        insert into tenants values (1, 'a');
        insert into countries values (1, '7'), (2, '3');
        insert into shared values (1, 1, 1, '7'), (2, null, 2, '4'), (3, 1, 3, '5');
        insert into items
        select n, 1, case when n > 1 then n / 2 end, n, (array['7', '3', '5'])[1 + n % 3],
            '{"list": [1, 2]}'
        from generate_series(1, 5) as n;
        insert into orders
        select n, 1, 1 + n % 5, 1 + n % 3, '7'
        from generate_series(1, 6) as n;
        insert into lines
        select n, 1 + n % 5, n, '3'
        from generate_series(1, 7) as n;
        """
    )


def _fill_other(connection: psycopg.Connection, world: int) -> None:
    """Store another tenant's rows; each world has the rows of the one before, and one more."""
    chance = random.Random(1)  # noqa: S311 - data, not secrets
    connection.execute("insert into tenants values (2, 'b')")
    connection.execute("select lo_from_bytea(4711, 'theirs')")
    for number in islice(count(501), 3 * world):
        value, amount = chance.choice(_ODD_VALUES), chance.choice([0, 1, 2, 2147483647])
        ref = chance.choice([None, 1, 2, 3, 501, 502])
        connection.execute(
            "insert into items values (%s, 2, %s, %s, %s, '{\"list\": 7}')",
            (number, ref, amount, value),
        )
        connection.execute(
            "insert into orders values (%s, 2, %s, %s, %s)", (number, number, amount, value)
        )
        connection.execute(
            "insert into lines values (%s, %s, %s, %s)", (number, number, amount, value)
        )
        connection.execute("insert into shared values (%s, 2, %s, %s)", (number, ref, value))


# conditions are ordered by what the planner thinks of their cost, and it may use other ways
_PLANS = (
    "",
    "set enable_hashjoin = off; set enable_mergejoin = off; set enable_seqscan = off",
    "set enable_nestloop = off; set enable_indexscan = off; set enable_bitmapscan = off",
    "set enable_material = off; set enable_memoize = off; set join_collapse_limit = 1",
    "set enable_hashagg = off; set enable_seqscan = off; set from_collapse_limit = 1",
)


# each is somewhere in what is proved
_FORMS = (
    "lateral", "left join", "union", "except", "with", "recursive", "update", "delete", "insert",
    "merge", "on conflict", "exists", "item_sums", "all_items", "group by", "over (", "limit",
    "is null", "case when", "::integer", "lines",
)  # fmt: skip


def test_another_tenant_s_rows_make_no_difference(worlds: psycopg.Connection) -> None:
    statements = proved(worlds, range(FIRST, FIRST + STATEMENTS))

    differing: dict[int, str] = {}
    for plan in _PLANS if len(statements) > 1000 else _PLANS[:2]:
        # a way that is switched off counts as costly, and what is costly would be compiled
        worlds.execute(f"reset all; set jit = off; {plan}".encode())
        alone = outcomes(worlds, statements, 0)
        for world in range(1, _WORLDS):
            for seed, outcome in outcomes(worlds, statements, world).items():
                if outcome != alone[seed] and "taken" not in outcome.answer + alone[seed].answer:
                    differing.setdefault(
                        seed,
                        f"{Generated(seed).statement()}: {alone[seed].answer} | {outcome.answer}",
                    )
    worlds.execute("reset all")

    proven = " ".join(statements.values())
    assert len(statements) > STATEMENTS / 10
    assert [word for word in _FORMS if word not in proven] == []
    assert not differing, "\n".join(differing.values())
