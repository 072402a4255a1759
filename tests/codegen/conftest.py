"""A shop whose queries are of every kind, generated once."""

import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module, invalidate_caches
from pathlib import Path
from shutil import copytree, rmtree
from types import ModuleType

import psycopg
import pytest

from dbkit.codegen import generate_system, write_package
from dbkit.server import EmbeddedServer
from dbkit.settings import System
from tests.conftest import ROOT, Reach

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
def shop_url(server: EmbeddedServer, reach: Reach) -> str:
    """The URL of the shop's database."""
    server.ensure_database("generated_shop")
    with psycopg.connect(server.url("generated_shop"), autocommit=True) as connection:
        connection.execute(_SCHEMA.encode())
    return reach(server.url("generated_shop"))


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
    _forget("shopqueries")


Generate = Callable[[Mapping[str, str]], ModuleType]


@pytest.fixture
def generate(
    root: Path, system: System, shop: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Generate]:
    """Generate the package of some query files alone, and import the module of orders."""
    monkeypatch.setattr("sys.path", [str(root), *sys.path])

    def generated(files: Mapping[str, str]) -> ModuleType:
        rmtree(system.sql)
        for name, text in files.items():
            path = system.sql / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        write_package(generate_system(system, root, shop))
        invalidate_caches()
        return import_module("shopqueries.orders")

    yield generated
    _forget("shopqueries")


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
