"""A generated function runs no statement that its file no longer holds."""

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from shutil import copytree, rmtree
from types import ModuleType

import psycopg
import pytest

from dbkit.codegen import generate_system, write_package
from dbkit.errors import Drifted, EditedQuery
from dbkit.settings import System


@pytest.fixture
def orders(package: Path) -> ModuleType:
    """The generated module of orders, none of its functions called yet."""
    return import_module(f"{package.name}.orders")


@pytest.fixture
def file(system: System) -> Path:
    """The file of one of its queries."""
    return system.sql / "orders" / "list_open.sql"


def _edit(path: Path) -> None:
    path.write_text(path.read_text().replace("orders.id,", "orders.id + 1 as id,"))


def test_an_edited_file_is_refused_until_it_is_generated(
    shop: psycopg.Connection, orders: ModuleType, file: Path
) -> None:
    _edit(file)

    with pytest.raises(EditedQuery):
        orders.list_open(shop)
    with pytest.raises(EditedQuery) as refused:
        orders.list_open(shop)

    assert str(refused.value) == (
        "orders.list_open was typed for another statement than "
        "sql/shop/orders/list_open.sql holds now; run dbkit generate shop"
    )
    assert shop.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert orders.count_of(shop, customer=1) == 2


def test_sets_of_values_and_awaited_calls_are_refused_alike(
    shop_url: str, orders: ModuleType, system: System
) -> None:
    for name in ("load", "count_of"):
        path = system.sql / "orders" / f"{name}.sql"
        path.write_text(path.read_text() + "-- edited\n")

    async def tried() -> None:
        async with await psycopg.AsyncConnection.connect(shop_url) as connection:
            with pytest.raises(EditedQuery):
                await orders.load(connection, [])
            with pytest.raises(EditedQuery):
                await orders.count_of(connection, customer=1)

    asyncio.run(tried())


def test_a_file_is_read_once(shop: psycopg.Connection, orders: ModuleType, system: System) -> None:
    orders.list_recent(shop, customer=1)

    _edit(system.sql / "orders" / "list_recent.sql")

    assert len(orders.list_recent(shop, customer=1, state="open")) == 1


def test_other_ends_of_the_lines_are_no_edit(
    shop: psycopg.Connection, orders: ModuleType, file: Path
) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))

    assert len(orders.list_open(shop)) == 1


def test_a_file_that_became_unreadable_was_edited(
    shop: psycopg.Connection, orders: ModuleType, file: Path
) -> None:
    file.write_bytes(b"-- :many\nselect '\xff';\n")

    with pytest.raises(EditedQuery):
        orders.list_open(shop)


def test_an_installed_package_has_no_files_to_compare(
    shop: psycopg.Connection, orders: ModuleType, system: System
) -> None:
    rmtree(system.sql)

    assert len(orders.list_open(shop)) == 1


def test_a_package_installed_inside_a_checkout_is_not_compared_with_it(
    shop: psycopg.Connection, root: Path, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_src = system._replace(package="src.installed_shop.queries")
    write_package(generate_system(in_src, root, shop))
    installed = root / ".venv" / "lib" / "python3" / "site-packages"
    copytree(root / "src", installed)
    _edit(root / "sql" / "shop" / "orders" / "list_open.sql")
    monkeypatch.setattr("sys.path", [str(installed), *sys.path])

    orders = import_module("installed_shop.queries.orders")

    assert len(orders.list_open(shop)) == 1


def test_a_database_that_is_not_the_typed_one_is_named_at_the_first_use(
    shop: psycopg.Connection, orders: ModuleType
) -> None:
    shop.execute("alter table orders alter note type varchar(80)")

    with pytest.raises(Drifted) as refused:
        orders.list_notes(shop)

    assert str(refused.value) == (
        "orders.list_notes gives (id int4, note varchar), but was typed for "
        "(id int4, note text); migrate this database or generate anew"
    )
