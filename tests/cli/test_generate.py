"""`dbkit generate` writes what the migrated database says, and `--check` asks no server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.seen import refusal
from tests.project import Project

_NOWHERE = "postgresql://localhost:1/nothing"
_CALL = """
import sys
import psycopg
from shop.queries import orders
with psycopg.connect(sys.argv[1]) as connection:
    orders.list_all(connection)
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """The project with a table, a query and the name of a package."""
    (project.root / "pyproject.toml").write_text(
        '[tool.dbkit.systems.shop]\npackage = "shop.queries"\n'
    )
    project.migration("0001_start", "create table orders (id integer primary key);")
    _query(project, "list_all").write_text("-- :many\nselect id from orders order by id;\n")
    return project


def _query(project: Project, name: str) -> Path:
    path = project.root / "sql" / "shop" / "orders" / f"{name}.sql"
    path.parent.mkdir(exist_ok=True)
    return path


def test_the_package_is_written_and_then_current(shop: Project) -> None:
    shop.dbkit("migrate")

    first, second = shop.dbkit("generate"), shop.dbkit("generate", "shop")

    assert first.stdout.splitlines() == [
        "shop: shop/queries/__init__.py written",
        "shop: shop/queries/orders.py written",
        "shop: shop/queries/queries.lock written",
    ]
    assert second.stdout == "shop: shop/queries is current\n"


def test_a_package_whose_top_lies_in_src_is_written_there(shop: Project) -> None:
    (shop.root / "src" / "shop").mkdir(parents=True)
    shop.dbkit("migrate")

    written = shop.dbkit("generate")
    current = shop.dbkit("generate", "--check")
    _query(shop, "list_all").write_text("-- :many\nselect id from orders order by id desc;\n")
    called = subprocess.run(
        [sys.executable, "-c", _CALL, shop.url],
        cwd=shop.root,
        env={"PYTHONPATH": f"src{os.pathsep}{Path.cwd()}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert written.stdout.startswith("shop: src/shop/queries/__init__.py written\n")
    assert not (shop.root / "shop").exists()
    assert current.returncode == 0
    # which it can only know by the way up to the project
    assert "EditedQuery: orders.list_all" in called.stderr


def test_a_database_with_pending_migrations_is_refused(shop: Project) -> None:
    ran = shop.dbkit("generate")

    assert refusal(ran) == (
        "shop cannot be typed: 0001_start is pending; run dbkit migrate shop first"
    )
    assert not (shop.root / "shop").exists()


def test_what_migrating_does_not_solve_is_not_said_to(shop: Project) -> None:
    shop.dbkit("migrate")
    shop.migration("0001_start", "create table orders (id bigint primary key);")

    ran = shop.dbkit("generate")

    refused = refusal(ran)
    assert refused.startswith("shop cannot be typed: migrations/shop/0001_start.sql was edited")
    assert refused.endswith("dbkit migrate shop --follow --plan")


def test_check_names_what_changed_without_a_server(shop: Project) -> None:
    shop.dbkit("migrate")
    shop.dbkit("generate")

    current = shop.dbkit("generate", "--check", SHOP_DATABASE_URL=_NOWHERE)
    _query(shop, "list_all").write_text("-- :many\nselect id from orders;\n")
    stale = shop.dbkit("generate", "--check", SHOP_DATABASE_URL=_NOWHERE)

    assert (current.returncode, current.stdout) == (0, "")
    assert refusal(stale) == (
        "shop: generated code is not current: shop/orders/list_all.sql was changed; "
        "run dbkit generate shop"
    )


def test_a_query_at_fault_leaves_the_package_as_it_was(shop: Project) -> None:
    shop.dbkit("migrate")
    shop.dbkit("generate")
    _query(shop, "list_wrong").write_text("-- :many\nselect wrong from orders;\n")

    ran = shop.dbkit("generate")

    assert refusal(ran).startswith("sql/shop/orders/list_wrong.sql:2:8: ")
    assert not any("wrong" in path.read_text() for path in (shop.root / "shop").rglob("*.py"))


def test_a_project_that_names_no_package_is_told_how(project: Project) -> None:
    ran = project.dbkit("generate")

    assert refusal(ran) == (
        'shop names no package to generate; add package = "shop.queries" below '
        "[tool.dbkit.systems.shop] in pyproject.toml, or below [systems.shop] in dbkit.toml"
    )
