"""One difference between a file and the ledger is accepted by its number, with a reason."""

import re

import pytest

from tests.cli.seen import contents, refusal
from tests.project import Project

ORDERS = "create table orders (id integer);\n"
MORE = "create table more (id integer);\n"


@pytest.fixture
def two(project: Project) -> Project:
    """A project with two migrations, both applied."""
    project.migration("0001_orders", ORDERS, "drop table orders;")
    project.migration("0002_more", MORE, "drop table more;")
    assert project.dbkit("migrate").returncode == 0
    return project


def rename(project: Project, old: str, new: str) -> None:
    folder = project.root / "migrations" / "shop"
    for suffix in (".sql", ".rollback.sql"):
        (folder / f"{old}{suffix}").rename(folder / f"{new}{suffix}")


def repair(project: Project, version: int) -> str:
    """Repair one migration, and return what was said."""
    ran = project.dbkit("repair", "shop", str(version), "--because", "it's known")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def note(project: Project, version: int) -> str:
    [(text,)] = project.rows(f"select dbkit_note from schema_version where version = {version}")
    return re.sub(r"^[-\d]+ [\d:]+ \w+: ", "", text)


def test_an_edit_is_accepted_by_the_command_that_the_error_names(two: Project) -> None:
    two.migration("0001_orders", ORDERS.replace("integer", "bigint"), "drop table orders;")
    refused = refusal(two.dbkit("migrate"))

    told = repair(two, 1)

    assert 'accept it with: dbkit repair shop 1 --because "WHY"; ' in refused
    assert told == "shop: accepted the edit of 0001_orders; nothing was run\n"
    assert note(two, 1) == "the edit of 0001_orders accepted: it's known"
    assert two.status()["applied"][0]["note"].endswith("it's known")
    assert two.dbkit("status").returncode == 0
    assert "bigint" in two.dbkit("status", "shop", "--show", "1").stdout


def test_only_the_migration_that_is_named_is_accepted(two: Project) -> None:
    two.migration("0001_orders", ORDERS.replace("integer", "bigint"))
    two.migration("0002_more", MORE.replace("integer", "bigint"))

    repair(two, 1)

    [problem] = two.status()["problems"]
    assert (problem["kind"], problem["version"]) == ("edited", 2)


def test_a_new_name_of_the_same_sql_is_accepted(two: Project) -> None:
    rename(two, "0002_more", "0002_much_more")
    refused = refusal(two.dbkit("migrate"))

    told = repair(two, 2)

    assert refused.endswith('accept the new name with: dbkit repair shop 2 --because "WHY"')
    assert "accepted the name of 0002_much_more, which ran as 0002_more" in told
    assert two.dbkit("status").returncode == 0
    assert two.dbkit("rollback", "shop").returncode == 0


def test_another_migration_under_the_number_is_not_accepted(two: Project) -> None:
    rename(two, "0002_more", "0002_other")
    two.migration("0002_other", "create table other ();", "drop table other;")
    before = contents(two)
    migrated = refusal(two.dbkit("migrate"))

    refused = refusal(two.dbkit("repair", "shop", "2", "--because", "why not"))

    assert "number 2 was applied as 0002_more, which is another migration" in migrated
    assert "repair" not in migrated
    assert refused == (
        "there is nothing to repair in migration 2 of shop: 0002_more, which ran under this "
        "number, is another one than 0002_other"
    )
    assert contents(two) == before


def test_a_migration_that_got_another_number_is_recognised_by_its_sql(two: Project) -> None:
    rename(two, "0002_more", "0003_more")
    two.migration("0002_theirs", "create table theirs ();", "drop table theirs;")
    refused = refusal(two.dbkit("migrate"))

    repair(two, 3)
    late = refusal(two.dbkit("migrate"))
    ran = two.dbkit("migrate", "--out-of-order")

    assert "0002_more was applied here, and is 0003_more now" in refused
    assert 'dbkit repair shop 3 --because "WHY"' in refused
    assert late.startswith(
        "migrations/shop/0002_theirs.sql is not applied here, though migration 3 is; run it now, "
        "after the others, with: dbkit migrate shop --out-of-order"
    )
    assert ran.returncode == 0, ran.stderr
    assert note(two, 2) == "out of order, after number 3"
    assert two.dbkit("status").returncode == 0
    assert two.rows("select to_regclass('theirs') is null") == [(False,)]
    assert two.dbkit("rollback", "shop", "--to", "0").returncode == 0


def test_a_row_that_was_written_by_hand_is_accepted(two: Project) -> None:
    two.migration("0003_last", "create table last ();", "drop table last;")
    with two.connect() as connection:
        connection.execute("create table last ()")
        connection.execute("insert into schema_version (version, description) values (3, 'Last')")

    told = repair(two, 3)

    assert "accepted the row that was written by hand for 0003_last" in told
    assert two.dbkit("status").returncode == 0
    assert two.dbkit("rollback", "shop", "--to", "2").returncode == 0


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (2, "its file is what ran"),
        (3, "it is not applied here; run it with: dbkit migrate shop"),
        (4, "no file has that number"),
    ],
)
def test_what_needs_no_repair_is_not_touched(two: Project, version: int, reason: str) -> None:
    two.migration("0003_last", "create table last ();")
    before = contents(two)

    refused = refusal(two.dbkit("repair", "shop", str(version), "--because", "why not"))

    assert refused == f"there is nothing to repair in migration {version} of shop: {reason}"
    assert contents(two) == before


def test_a_reason_is_needed(two: Project) -> None:
    assert two.dbkit("repair", "shop", "1").returncode == 64
    assert two.dbkit("repair", "shop", "1", "--because", " ").returncode == 64
