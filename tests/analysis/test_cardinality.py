"""A query is said to return at most one row, or at least one, only if it always does."""

from pathlib import Path

import psycopg
import pytest

from dbkit.analysis import describe
from tests.analysis.library import fillings

BOTH, AT_MOST, AT_LEAST, NEITHER = "one", "at most", "at least", "any"

CASES = [
    (expected.strip(), text)
    for expected, separator, text in (
        line.partition(" | ")
        for line in (Path(__file__).parent / "cardinality.txt").read_text().splitlines()
    )
    if separator
]


@pytest.mark.parametrize(("expected", "text"), CASES, ids=[text for _, text in CASES])
def test_a_row_too_many_or_missing_is_ruled_out_only_where_it_is(
    expected: str, text: str, shared_library: psycopg.Connection
) -> None:
    described = describe(shared_library, text)

    assert expected in {BOTH, AT_MOST, AT_LEAST, NEITHER}
    assert described.at_most_one == (expected in {BOTH, AT_MOST})
    assert described.at_least_one == (expected in {BOTH, AT_LEAST})


def test_no_filling_of_the_tables_has_a_row_too_many_or_too_few(
    library: psycopg.Connection,
) -> None:
    wrong: set[tuple[str, int]] = set()

    for _ in fillings(library):
        for expected, text in CASES:
            with library.transaction(force_rollback=True):
                rows = len(library.execute(text.encode()).fetchall())
            if (rows > 1 and expected in {BOTH, AT_MOST}) or (
                rows < 1 and expected in {BOTH, AT_LEAST}
            ):
                wrong.add((text, rows))

    assert wrong == set()


@pytest.mark.parametrize(
    "key",
    [
        "unique (id) deferrable",
        "exclude using btree (id with =)",
        "check (id > 0)",
    ],
)
def test_a_constraint_that_is_no_unique_key_at_every_moment_proves_nothing(
    empty: psycopg.Connection, key: str
) -> None:
    empty.execute(f"create table one (id integer, {key})".encode())

    assert not describe(empty, "select id from one where id = $1").at_most_one


def test_a_key_compares_as_its_own_collation_does(empty: psycopg.Connection) -> None:
    empty.execute("create table one (name text primary key)")

    assert describe(empty, "select name from one where name = $1").at_most_one
    # another collation may hold two names for equal that the key takes for different
    assert not describe(empty, 'select name from one where name = $1 collate "C"').at_most_one


def test_a_partial_key_on_a_row_needs_all_fields_of_it(empty: psycopg.Connection) -> None:
    empty.execute("create type pair as (x integer, y integer)")
    empty.execute("create table one (a integer, p pair)")
    empty.execute("create unique index on one (a) where p is not null")
    empty.execute("insert into one values (1, '(1,)'), (1, '(2,)')")

    text = "select a from one where a = 1 and not (p is null)"

    assert empty.execute(text.encode()).fetchall() == [(1,), (1,)]
    assert not describe(empty, text).at_most_one
    assert describe(empty, "select a from one where a = 1 and p is not null").at_most_one


def test_a_server_behind_a_foreign_partition_may_skip_the_row_that_is_inserted(
    empty: psycopg.Connection,
) -> None:
    empty.execute("create table part (id integer not null) partition by range (id)")
    empty.execute("create table near partition of part for values from (0) to (10)")
    insert = "insert into part (id) values (1) returning id"
    assert describe(empty, insert).at_least_one

    empty.execute("create foreign data wrapper elsewhere")
    empty.execute("create server far foreign data wrapper elsewhere")
    empty.execute(
        "create foreign table away partition of part for values from (10) to (20) server far"
    )

    assert not describe(empty, insert).at_least_one
