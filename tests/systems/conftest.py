"""A database of the system a test's folder is named for."""

import psycopg
import pytest


@pytest.fixture
def database(request: pytest.FixtureRequest) -> psycopg.Connection:
    """A connection to this test's own clone of the migrated system."""
    connection: psycopg.Connection = request.getfixturevalue(request.path.parent.name)
    return connection
