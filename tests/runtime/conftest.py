"""A database of types beyond PostgreSQL's own, and a connection that is rolled back."""

import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection

from dbkit.server import EmbeddedServer
from tests.pooler import pooler

_TYPES = """
create type mood as enum ('glad', 'so so', 'sad');
create domain score as smallint check (value between 0 and 10);
create domain scores as score[];
create type place as (street text, number integer, moods mood[]);
create type visit as (place place, at timestamptz);
create domain home as place;
create type span as range (subtype = float8);
create schema apart;
create type apart.mood as enum ('near', 'far');
create table things (
    id integer primary key,
    name text not null,
    mood mood,
    payload jsonb,
    tags text[]
);
"""


@pytest.fixture(scope="session")
def typed_url(server: EmbeddedServer) -> Iterator[str]:
    """The URL of a database with an enum, a domain, composites, a range and a table.

    With DBKIT_TEST_POOLER=transaction (or session) it is reached through pgbouncer, as all calls
    have to give the same there.
    """
    server.ensure_database("typed")
    url = server.url("typed")
    with psycopg.connect(url) as connection:
        connection.execute(_TYPES)
    mode = os.environ.get("DBKIT_TEST_POOLER")
    if mode not in {"session", "transaction"}:
        yield url
        return
    with pooler(url, "session" if mode == "session" else "transaction", servers=20) as through:
        yield through


@pytest.fixture
def own_backend() -> None:
    """What a test needs that looks at its backend, or ends it, by its process id."""
    if "DBKIT_TEST_POOLER" in os.environ:
        pytest.skip("behind a pooler, nobody knows which backend is whose")


@pytest.fixture
def connection(typed_url: str) -> Iterator[Connection]:
    """A connection whose work is undone."""
    with psycopg.connect(typed_url) as connection:
        yield connection
        connection.rollback()
