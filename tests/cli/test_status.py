"""`dbkit status`: where a database stands, told without writing to it."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from tests.cli.seen import contents
from tests.project import Project


@pytest.fixture
def shop(project: Project) -> Project:
    """The project with one migration applied and one pending."""
    project.migration("0001_orders", "create table orders (id integer);", "drop table orders;")
    project.dbkit("migrate")
    project.migration("0002_price", "alter table orders add column price integer;")
    return project


def test_pending_migrations_end_with_2(shop: Project) -> None:
    ran = shop.dbkit("status")

    assert (ran.returncode, ran.stderr) == (2, "")
    header, line = ran.stdout.splitlines()
    assert header.split() == ["system", "version", "state", "database"]
    assert line.split("  ")[0] == "shop"
    assert "1  1 pending, next 0002_price  $SHOP_DATABASE_URL" in line


def test_nothing_pending_ends_with_0(shop: Project) -> None:
    shop.dbkit("migrate")

    ran = shop.dbkit("status")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "2  up to date  $SHOP_DATABASE_URL" in ran.stdout


def test_something_wrong_ends_with_3_and_its_sentence_below_the_table(shop: Project) -> None:
    shop.migration("0001_orders", "create table orders (id bigint);")

    ran = shop.dbkit("status")

    assert (ran.returncode, ran.stderr) == (3, "")
    assert "1  wrong, see below  $SHOP_DATABASE_URL" in ran.stdout
    assert ran.stdout.splitlines()[2].startswith(
        "shop: migrations/shop/0001_orders.sql was edited after it ran ("
    )


def test_objects_that_are_not_as_their_files_say_are_pending(shop: Project) -> None:
    shop.dbkit("migrate")
    shop.object("cheap", "create view cheap as select id from orders;")

    ran = shop.dbkit("status")

    assert ran.returncode == 2
    assert "1 object to apply" in ran.stdout
    assert shop.status()["objects"] == {
        "pending": ["sql/shop/_objects/cheap.sql"],
        "gone": [],
        "replaced": [],
    }


def test_an_object_whose_file_is_gone_is_named_with_the_way_out(shop: Project) -> None:
    file = shop.object("cheap", "create view cheap as select id from orders;")
    shop.dbkit("migrate")
    file.unlink()

    ran = shop.dbkit("status")

    assert ran.returncode == 0
    assert ran.stdout.splitlines()[2] == (
        "shop: view public.cheap was made by cheap.sql, which is gone; "
        "drop it with: dbkit migrate shop --drop-gone"
    )


def test_a_program_reads_the_documented_keys(shop: Project) -> None:
    ran = shop.dbkit("status", "--json")

    [system] = json.loads(ran.stdout)["systems"]
    [applied] = system.pop("applied")
    age = datetime.now(UTC) - datetime.fromisoformat(applied.pop("applied_at"))
    assert ran.returncode == 2
    assert json.loads(ran.stdout).keys() == {"systems"}
    assert system == {
        "name": "shop",
        "version": 1,
        "pending": [{"version": 2, "name": "0002_price"}],
        "ahead": [],
        "half_done": [],
        "problems": [],
        "objects": {"pending": [], "gone": [], "replaced": []},
    }
    assert applied == {
        "version": 1,
        "name": "0001_orders",
        "checksum": sha256(b"create table orders (id integer);").hexdigest(),
        "note": None,
    }
    assert timedelta(0) <= age < timedelta(minutes=5)


def test_a_program_reads_a_problem_by_its_kind(shop: Project) -> None:
    shop.migration("0001_orders", "create table orders (id bigint);")

    [problem] = shop.status()["problems"]

    assert problem.keys() == {"kind", "version", "message"}
    assert (problem["kind"], problem["version"]) == ("edited", 1)
    assert "was edited after it ran" in problem["message"]


def test_status_writes_nothing_into_an_empty_database(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    ran = project.dbkit("status")

    assert ran.returncode == 2
    assert contents(project) == {}


def test_status_waits_for_no_lock(shop: Project) -> None:
    with shop.connect() as connection, connection.transaction():
        connection.execute("lock table orders in access exclusive mode")
        connection.execute("lock table schema_version in exclusive mode")

        ran = shop.dbkit("status")

    assert ran.returncode == 2


def test_one_system_that_cannot_be_reached_does_not_hide_the_others(shop: Project) -> None:
    (shop.root / "pyproject.toml").write_text(
        "[tool.dbkit.systems.shop]\n[tool.dbkit.systems.blog]\n"
    )
    (shop.root / "migrations/blog").mkdir()

    ran = shop.dbkit("status", "--json", BLOG_DATABASE_URL="postgresql://blog@localhost:1/blog")

    shop_status, blog_status = json.loads(ran.stdout)["systems"]
    assert ran.returncode == 3
    assert shop_status["problems"] == []
    assert [problem["kind"] for problem in blog_status["problems"]] == ["unreachable"]
