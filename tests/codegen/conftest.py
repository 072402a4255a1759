"""A shop whose queries are of every kind, generated once."""

import sys
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path
from shutil import copytree

import psycopg
import pytest

from dbkit.codegen import generate_system, write_package
from dbkit.server import EmbeddedServer
from dbkit.settings import System
from tests.conftest import ROOT

SHOP = ROOT / "tests" / "files" / "generating"
_SCHEMA = """
create type state as enum (
    'open', 'waiting for the supplier', 'on its way to the customer', 'paid'
);
create type place as (street text, number integer);
create table customers (
    id integer primary key,
    name text not null,
    home place
);
create table orders (
    id integer generated always as identity primary key,
    customer integer not null references customers (id),
    state state not null default 'open',
    note text,
    price numeric(10, 2),
    date date,
    tags text[] not null default '{}',
    payload jsonb
);
insert into customers values (1, 'Ada', row ('Main Street', 7)), (2, 'Bob', null);
insert into orders (customer, state, note, price, date, tags)
values (1, 'open', 'first', 10.50, '2024-01-01', '{a}'), (1, 'paid', null, 20, '2024-02-01', '{}');
"""


@pytest.fixture(scope="session")
def shop_url(server: EmbeddedServer) -> str:
    """The URL of the shop's database."""
    server.ensure_database("generated_shop")
    with psycopg.connect(server.url("generated_shop"), autocommit=True) as connection:
        connection.execute(_SCHEMA.encode())
    return server.url("generated_shop")


@pytest.fixture
def shop(shop_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the shop whose work is undone."""
    with psycopg.connect(shop_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of one's own with the shop's query files."""
    copytree(SHOP / "sql", tmp_path / "sql")
    return tmp_path


@pytest.fixture
def system(root: Path) -> System:
    """The shop as its settings tell it."""
    return System("shop", root / "migrations", root / "sql" / "shop", "SHOP_URL", "shopqueries")


@pytest.fixture
def package(
    root: Path, system: System, shop: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The shop's package, written and importable."""
    write_package(generate_system(system, root, shop))
    monkeypatch.setattr("sys.path", [str(root), *sys.path])
    invalidate_caches()
    yield root / "shopqueries"
    for name in [name for name in sys.modules if name.partition(".")[0] == "shopqueries"]:
        del sys.modules[name]
