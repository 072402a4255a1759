"""With random schemas, data and queries: what is described as never null is never null."""

import json
import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, reject, settings
from psycopg.errors import FeatureNotSupported, GroupingError

from dbkit.analysis import describe
from dbkit.pgtypes.column import Column
from dbkit.server import EmbeddedServer
from tests.analysis.generated import examples

_EXAMPLES = 20_000 if os.environ.get("DBKIT_THOROUGH") else 120


@pytest.fixture(scope="session")
def arena(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    """A connection whose tables live for one example only."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        yield connection


@pytest.mark.timeout(3600)
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(example=examples())
def test_no_counter_example_is_found(
    arena: psycopg.Connection, example: tuple[list[str], str]
) -> None:
    schema, text = example
    with arena.transaction(force_rollback=True):
        for statement in schema:
            arena.execute(statement.encode())

        try:
            described = describe(arena, text)
            rows = arena.execute(text.encode()).pgresult
        except (psycopg.DataError, GroupingError, FeatureNotSupported):
            # chance wrote what PostgreSQL does not allow
            reject()

        assert rows is not None
        assert not (described.at_most_one and rows.ntuples > 1)
        assert not (described.at_least_one and rows.ntuples < 1)
        for at, column in enumerate(described.columns):
            assert not column.why.startswith("not analysed")
            for row in range(rows.ntuples):
                value = rows.get_value(row, at)
                shown = None if value is None else value.decode()
                is_json = shown is not None and column.type.name == "jsonb"
                check(column, json.loads(shown) if is_json and shown else shown)


def check(column: Column, value: Any) -> None:  # noqa: ANN401 - whatever json holds
    """Hold that a value, and each of its parts, is null only if it is described as nullable."""
    assert column.nullable or value is not None, column
    if value is None or column.shape is None:
        return
    if column.shape.kind == "list":
        for element in value:
            check(column.shape.parts[0], element)
    else:
        assert value.keys() == {part.name for part in column.shape.parts}
        for part in column.shape.parts:
            check(part, value[part.name])
