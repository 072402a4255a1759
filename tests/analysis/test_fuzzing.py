"""No statement made by chance is described otherwise than the server answers it."""

import dataclasses
import os
from collections.abc import Iterator

import psycopg
import pytest

from dbkit.analysis import describe
from dbkit.server import EmbeddedServer
from tests.analysis.fuzzing.trials import Tally, faults_of, fits, search

_SEED = os.environ.get("DBKIT_FUZZ_SEED", "1")
# a world has 24 statements, each of which is run on five fillings of its tables
_WORLDS, _WORLDS_OF_OLDER, _WORLDS_WHEN_THOROUGH = 34, 10, 2_000


@pytest.fixture
def arena(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    """A connection to a database where nothing stays."""
    server.ensure_database("fuzzing")
    with psycopg.connect(server.url("fuzzing"), autocommit=True) as connection:
        yield connection


def _worlds(connection: psycopg.Connection) -> int:
    if os.environ.get("DBKIT_THOROUGH"):
        return _WORLDS_WHEN_THOROUGH
    return _WORLDS if connection.info.server_version >= 180_000 else _WORLDS_OF_OLDER


@pytest.mark.timeout(36_000)
def test_nothing_is_described_otherwise_than_it_comes_back(arena: psycopg.Connection) -> None:
    tally, faults = Tally(), list[str]()

    for tally, faults in search(arena, _SEED, worlds=_worlds(arena)):  # noqa: B007 - the last one
        pass

    assert faults == [], "\n\n".join(faults)
    # a search that proves nothing finds nothing
    assert tally.ran > tally.statements * 0.75
    assert tally.never_null > tally.columns * 0.4
    assert tally.at_most_one > tally.statements * 0.12
    assert tally.gave_one > tally.at_most_one * 0.25
    assert tally.at_least_one > tally.statements * 0.01
    assert tally.shaped > tally.columns * 0.03


@pytest.mark.parametrize(
    ("claimed", "given", "fault"),
    [
        ("select 1 as a", "select 1 as b", "the columns are ['b']"),
        ("select 1 as a", "select 'x' as a", "the types are [25]"),
        ("select 1 as a", "select 1 as a union all select 2", "at most one row, and 2 came"),
        ("select 1 as a", "select 1 as a where false", "at least one row, and none came"),
        ("select 1 as a", "select null::integer as a", "a is null"),
        (
            "select jsonb_build_object('b', 1) as a",
            "select jsonb_build_object('b', null) as a",
            "a.b is null",
        ),
        (
            "select jsonb_build_object('b', 1) as a",
            "select jsonb_build_object('c', 1) as a",
            "a has the keys ['c']",
        ),
        ("select jsonb_agg(t) as a from (select 1 as b) as t", "select '1'::jsonb as a", "no list"),
        ("select row(1, 2) as a", "select row(1, null) as a", "a.f2 is null"),
    ],
)
def test_what_comes_back_otherwise_is_seen(
    claimed: str, given: str, fault: str, arena: psycopg.Connection
) -> None:
    described = describe(arena, claimed)
    cursor = arena.execute(given.encode())
    result = cursor.pgresult
    assert result is not None

    faults = [*faults_of(described, result, cursor.fetchall())]

    assert any(fault in each for each in faults), faults


def test_a_statement_that_could_not_be_analysed_is_a_fault(arena: psycopg.Connection) -> None:
    lost = describe(arena, "select " + "$1::integer + " * 120 + "0")
    described = dataclasses.replace(describe(arena, "select 1 as a"), lost=lost.lost)
    cursor = arena.execute("select 1 as a")
    assert cursor.pgresult is not None

    faults = [*faults_of(described, cursor.pgresult, cursor.fetchall())]

    assert (lost.lost is None) == (faults == [])


@pytest.mark.parametrize(
    ("annotation", "value", "is_of_it"),
    [
        ("int", 1, True),
        ("int", None, False),
        ("int", "1", False),
        ("int | None", None, True),
        ("list[int]", [1], True),
        ("list[int]", [None], False),
        ("list[int | None] | None", [1, None], True),
        ("list[int | None] | None", None, True),
        ("list[int]", None, False),
        ("Json", None, True),
        ("Anything", "x", True),
    ],
)
def test_a_value_is_of_its_annotation(annotation: str, value: object, is_of_it: bool) -> None:
    assert fits(annotation, value) == is_of_it
