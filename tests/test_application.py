"""What the command line does, from Python, in whatever place the project is."""

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

import dbkit
from dbkit.errors import CannotConnect, DbkitError, NoProject
from dbkit.server import EmbeddedServer
from dbkit.settings import InvalidSettings, load_settings
from tests.conftest import ROOT
from tests.project import Project

ORDERS = "create table orders (id integer primary key);\n"
LIST = "-- :many\nselect id from orders order by id;\n"


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    project.migration("0001_orders", ORDERS, "drop table orders;\n")
    project.migration(
        "0002_note", "alter table orders add note text;\n", "alter table orders drop note;\n"
    )
    (project.root / "sql" / "shop" / "orders").mkdir(parents=True)
    (project.root / "sql" / "shop" / "orders" / "list_all.sql").write_text(LIST)
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("SHOP_DATABASE_URL", project.url)
    return project


@pytest.fixture
def package(shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that carries the project, installed where Python finds it."""
    name = f"carrier_{uuid4().hex}"
    folder = tmp_path / "site" / name
    folder.parent.mkdir()
    shop.root.rename(folder)
    (folder / "pyproject.toml").unlink()
    (folder / "__init__.py").write_text("")
    (folder / "dbkit.toml").write_text('[systems.shop]\nurl-env = "SHOP_DATABASE_URL"\n')
    monkeypatch.setattr(sys, "path", [str(folder.parent), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    monkeypatch.chdir(tmp_path)
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("name", "shown"), [(None, f"mrwa {dbkit.__version__}"), ("mrwa.report", "mrwa.report")]
)
def test_the_server_shows_program_and_release(empty_url: str, name: str | None, shown: str) -> None:
    mrwa = dbkit.project(ROOT)["mrwa"].at(empty_url)

    with (
        mrwa.open(max_size=3, role="none", name=name) as database,
        database.connection() as connection,
    ):
        [found] = connection.execute("show application_name").fetchone() or [None]

    assert re.fullmatch(rf"{re.escape(shown)} {os.getpid()}\.\d+ \(pool of 3\)", str(found))


def test_a_system_is_migrated_and_used(shop: Project) -> None:
    application = dbkit.project()["shop"]

    planned = application.plan_migrate()
    before = application.status()
    outcome = application.migrate()
    again = application.migrate()
    with application.open(max_size=2) as database, database.connection() as connection:
        connection.execute("insert into orders values (1)")
    with application.connect() as connection:
        rows = application.queries["orders.list_all"](connection)

    assert planned.migrations == outcome.migrations == ("0001_orders", "0002_note")
    assert (before.version, application.status().version) == (0, 2)
    assert not again.changed
    assert rows == [1]
    assert application.url == shop.url


def test_what_the_command_line_says_is_raised(shop: Project) -> None:
    application = dbkit.project()["shop"]
    application.migrate()
    (shop.root / "migrations/shop/0002_note.sql").write_text("alter table orders add memo text;\n")

    with pytest.raises(DbkitError) as caught:
        application.migrate()
    what = application.repair(2, "the column was renamed by hand")
    said = shop.dbkit("status")

    assert "migrations/shop/0002_note.sql was edited after it ran" in str(caught.value)
    assert what == "the edit of 0002_note"
    assert said.returncode == 0


@pytest.mark.usefixtures("shop")
def test_it_goes_back_and_to_a_version() -> None:
    application = dbkit.project()["shop"]

    one = application.migrate(1)
    application.migrate()
    back = application.rollback()
    first = application.rollback(0, plan=True)

    assert one.after == 1
    assert back.after == 1
    assert first.migrations == ("0001_orders",)
    assert application.status().version == 1


def test_files_are_checked(shop: Project) -> None:
    application = dbkit.project()["shop"]
    application.migrate()

    sound = application.check()
    (shop.root / "sql/shop/orders/wrong.sql").write_text("-- :many\nselect nothing from orders;\n")
    wrong = application.check()

    assert sound.findings == []
    assert [finding.path for finding in wrong.findings] == ["sql/shop/orders/wrong.sql"]


def test_everything_works_on_a_loop(shop: Project) -> None:
    async def use() -> int:
        application = dbkit.project()["shop"]
        outcome = await application.migrate_async()
        async with application.open_async(max_size=2) as database, database.connection() as lent:
            await lent.execute("insert into orders values (7)")
        return outcome.after

    assert asyncio.run(use()) == 2
    assert shop.rows("select id from orders") == [(7,)]


def test_many_processes_may_migrate_when_they_start(shop: Project) -> None:
    shop.migration("0003_wait", "select pg_sleep(0.3);\ncreate table late (id integer);\n")
    program = "import dbkit; print(dbkit.project()['shop'].migrate().after)"
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(5)
    ]

    answers = [process.communicate(timeout=60)[0].strip() for process in started]

    assert answers == ["3"] * 5
    assert shop.rows("select count(*) from schema_version") == [(3,)]


def test_another_database_is_given_by_its_url(shop: Project, server: EmbeddedServer) -> None:
    name = f"empty_{uuid4().hex}"
    server.ensure_database(name)

    dbkit.project()["shop"].at(server.url(name)).migrate()

    with psycopg.connect(server.url(name)) as connection:
        assert connection.execute("select count(*) from schema_version").fetchone() == (2,)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    assert shop.rows("select to_regclass('schema_version')") == [(None,)]


def test_a_package_carries_its_project(package: str) -> None:
    application = dbkit.project(package)["shop"]

    assert application.migrate().after == 2
    assert list(dbkit.project(package)) == ["shop"]


@pytest.mark.parametrize("way", ["option", "variable"])
def test_the_command_line_takes_a_package_or_a_folder(
    package: str, shop: Project, way: str
) -> None:
    environment = dict(os.environ)
    arguments = ["--project", package]
    if way == "variable":
        environment["DBKIT_PROJECT"] = package
        arguments = []

    ran = subprocess.run(
        [sys.executable, "-m", "dbkit", *arguments, "migrate", "shop"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert shop.rows("select count(*) from schema_version") == [(2,)]


def test_a_folder_is_as_good(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with pytest.raises(NoProject):
        dbkit.project()

    assert list(dbkit.project(shop.root)) == ["shop"]
    monkeypatch.setenv("DBKIT_PROJECT", str(shop.root))
    assert list(dbkit.project()) == ["shop"]


def test_a_package_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(NoProject) as caught:
        dbkit.project("no_such_package_anywhere")

    assert str(caught.value).startswith(
        "there is no folder and no installed package 'no_such_package_anywhere'; "
    )


def test_a_project_inside_a_package_keeps_its_queries_in_it_and_its_server_outside(
    package: str, tmp_path: Path
) -> None:
    folder = tmp_path / "site" / package
    settings = folder / "dbkit.toml"
    settings.write_text(f'{settings.read_text()}package = "{package}.queries"\n')
    application = dbkit.project(package)["shop"]
    application.migrate()

    written = application.generate()
    installed = load_settings(package)
    (tmp_path / "site" / "pyproject.toml").write_text("")
    in_checkout = load_settings(package)

    assert {path.parent for path in written} == {folder / "queries"}
    with application.open() as database, database.connection() as connection:
        assert import_module(f"{package}.queries.orders").list_all(connection) == []
    assert (installed.server_folder, installed.backup_folder) == (
        tmp_path / ".dbkit",
        tmp_path / "backups",
    )
    assert in_checkout.server_folder == tmp_path / "site" / ".dbkit"


def test_settings_in_two_places_are_refused(shop: Project) -> None:
    (shop.root / "dbkit.toml").write_text("[systems.shop]\n")

    with pytest.raises(InvalidSettings, match=r"stands beside .*pyproject\.toml"):
        dbkit.project()


def test_a_fault_in_dbkit_toml_is_named_as_it_stands_there(shop: Project) -> None:
    (shop.root / "pyproject.toml").unlink()
    (shop.root / "dbkit.toml").write_text("[systems.shop]\nmigration = 'x'\n")

    with pytest.raises(InvalidSettings) as caught:
        dbkit.project()

    assert "dbkit.toml: [systems.shop]: unknown key 'migration'" in str(caught.value)


def test_one_waits_for_a_database(shop: Project, server: EmbeddedServer) -> None:
    name = f"late_{uuid4().hex}"
    maker = threading.Timer(0.7, server.ensure_database, (name,))
    maker.start()

    ran = shop.dbkit("wait", "shop", "--url", server.url(name), "--timeout", "20")
    maker.join()

    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("shop: waiting: ") == 1
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_one_does_not_wait_for_ever(shop: Project) -> None:
    application = dbkit.project()["shop"].at("postgresql://nobody@127.0.0.1:1/nothing")
    began = time.monotonic()

    with pytest.raises(CannotConnect):
        application.wait(timeout=0.5)
    ran = shop.dbkit("wait", "shop", "--url", "127.0.0.1/nothing", "--timeout", "20")

    assert time.monotonic() - began < 15
    assert ran.returncode == 1
    assert "waiting" not in ran.stderr
