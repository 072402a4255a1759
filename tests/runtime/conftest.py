"""A database of types beyond PostgreSQL's own, and a connection that is rolled back."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import psycopg
import pytest
from psycopg import Connection

from dbkit.server import EmbeddedServer
from tests.conftest import Reach

MakeTable: TypeAlias = Callable[[str], None]
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
def typed_url(server: EmbeddedServer, reach: Reach) -> str:
    """The URL of a database with an enum, a domain, composites, a range and a table."""
    server.ensure_database("typed")
    url = server.url("typed")
    with psycopg.connect(url) as connection:
        connection.execute(_TYPES)
    return reach(url)


@pytest.fixture
def connection(typed_url: str) -> Iterator[Connection]:
    """A connection whose work is undone."""
    with psycopg.connect(typed_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def make_table(typed_url: str) -> Iterator[MakeTable]:
    """Make a table for this test that every session sees, as in `make_table("odd (id int4)")`."""
    names: list[str] = []
    with psycopg.connect(typed_url, autocommit=True) as connection:

        def make(text: str) -> None:
            connection.execute(f"create table {text}".encode())
            names.append(text.split(maxsplit=1)[0])

        yield make
        for name in names:
            connection.execute(f"drop table {name}".encode())
