"""A database of the system a test's folder is named for."""

import os

import psycopg
import pytest

# those whose tables have no policies, so that the application's role sees what a test has put there
_AS_APPLICATION = {"myloware", "softwarestudio"}


@pytest.fixture
def as_owner() -> None:
    """What a test needs that does what the application may not."""


@pytest.fixture
def database(request: pytest.FixtureRequest) -> psycopg.Connection:
    """A connection to this test's own clone of the migrated system, as its application."""
    system = request.path.parent.name
    connection: psycopg.Connection = request.getfixturevalue(system)
    # behind a pooler the session is that of others too
    is_own = "DBKIT_TEST_POOLER" not in os.environ
    if is_own and system in _AS_APPLICATION and "as_owner" not in request.fixturenames:
        connection.execute(f"set role {system}_app".encode())
        connection.commit()
    return connection
