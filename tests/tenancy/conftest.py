"""A database of a test's own, for what the tables of tenants do not show."""

from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture
def empty(empty_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database of this test's own, in autocommit mode."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        yield connection
