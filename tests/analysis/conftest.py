"""The database of a library, which all tests of the analysis share and leave as it is."""

from collections.abc import Iterator

import psycopg
import pytest

from dbkit.server import EmbeddedServer
from tests.analysis.library import SCHEMA


@pytest.fixture(scope="session")
def library_url(server: EmbeddedServer) -> str:
    """The URL of the library's database."""
    server.ensure_database("library")
    with psycopg.connect(server.url("library"), autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    return server.url("library")


@pytest.fixture
def library(library_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the library, in autocommit mode."""
    with psycopg.connect(library_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def shared_library(library_url: str) -> Iterator[psycopg.Connection]:
    """A connection that has described other statements before, in autocommit mode."""
    with psycopg.connect(library_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty(empty_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database of this test's own, in autocommit mode."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        yield connection
