"""The ledger keeps the text of each migration and of its rollback, for a checkout without them."""

import json
from pathlib import Path

import pytest

from tests.cli.seen import refusal
from tests.project import Project

MORE = "-- More.\ncreate table more (\n    id integer\n);\n"
UNDO_MORE = "-- Undoes more.\ndrop table more;\n"
OF_VERSION_1 = Path(__file__).parents[1] / "files/ledgers/version_1.sql"
ORDERS = "create table orders (id integer);\n"
PRICE = "alter table orders add column price integer;\n"


@pytest.fixture
def elsewhere(project: Project) -> Project:
    """A project whose second migration ran, and is in another checkout now."""
    project.migration("0001_orders", ORDERS, "drop table orders;\n")
    more = project.migration("0002_more", MORE, UNDO_MORE)
    assert project.dbkit("migrate").returncode == 0
    more.unlink()
    more.with_suffix(".rollback.sql").unlink()
    return project


def test_a_migration_whose_file_is_elsewhere_is_shown(elsewhere: Project) -> None:
    shown = elsewhere.dbkit("status", "shop", "--show", "2")
    as_json = elsewhere.dbkit("status", "--show", "2", "--json")

    assert shown.returncode == 0
    assert shown.stdout == (
        f"-- 0002_more, as it ran\n{MORE.rstrip()}\n\n-- its rollback\n{UNDO_MORE.rstrip()}\n"
    )
    assert json.loads(as_json.stdout) == {
        "version": 2,
        "name": "0002_more",
        "up": MORE,
        "down": UNDO_MORE,
    }


def test_a_migration_that_was_never_applied_has_no_text(elsewhere: Project) -> None:
    refused = refusal(elsewhere.dbkit("status", "shop", "--show", "7"))

    assert refused == "the ledger of shop has no text of migration 7: it is not applied here"


@pytest.mark.parametrize("successor", [None, "0002_other"])
def test_it_is_undone_by_the_text_in_the_ledger(elsewhere: Project, successor: str | None) -> None:
    if successor:
        elsewhere.migration(successor, "create table other ();", "drop table other;")
    plan = elsewhere.dbkit("rollback", "shop", "--to", "1", "--plan")

    undone = elsewhere.dbkit("rollback", "shop", "--to", "1")

    assert plan.stdout == "shop: from version 2 to 1, would undo\n  0002_more\n"
    assert undone.returncode == 0, undone.stderr
    assert elsewhere.rows("select to_regclass('more')") == [(None,)]
    assert elsewhere.rows("select version from dbkit._dbkit_script") == [(1,)]
    assert elsewhere.dbkit("status").returncode == (2 if successor else 0)


def test_what_has_to_be_there_below_it_is_not_undone(elsewhere: Project) -> None:
    (elsewhere.root / "migrations/shop/0001_orders.sql").write_text("create table other ();")

    refused = refusal(elsewhere.dbkit("rollback", "shop"))

    assert "0001_orders.sql was edited after it ran" in refused
    assert "0002_more" not in refused


def test_a_fault_in_a_kept_rollback_says_where_it_stands(elsewhere: Project) -> None:
    with elsewhere.connect() as connection:
        connection.execute("update dbkit._dbkit_script set down_text = 'drop tabel more;'")

    refused = refusal(elsewhere.dbkit("rollback", "shop", "--to", "1"))

    assert refused.startswith("the rollback of 0002_more in the ledger:1:6: syntax error")


def test_without_a_rollback_it_is_not_undone(project: Project) -> None:
    more = project.migration("0001_more", MORE, None)
    assert project.dbkit("migrate").returncode == 0
    more.unlink()

    shown = project.dbkit("status", "shop", "--show", "1")
    refused = refusal(project.dbkit("rollback", "shop"))

    assert shown.stdout.endswith("-- it had no rollback\n")
    assert "its file is gone; bring the file back" in refused
    assert project.rows("select to_regclass('more')") == [("more",)]


def test_force_keeps_what_it_records(project: Project) -> None:
    project.migration("0001_more", MORE, UNDO_MORE)
    with project.connect() as connection:
        connection.execute(MORE.encode())

    project.dbkit("force", "shop", "1")

    assert project.rows("select version, name, up_text, down_text from dbkit._dbkit_script") == [
        (1, "0001_more", MORE, UNDO_MORE)
    ]


def test_of_a_file_of_nothing_but_data_the_beginning_is_kept(project: Project) -> None:
    project.migration("0001_more", MORE + "-- a line of data\n" * 1_000_000, UNDO_MORE)

    assert project.dbkit("migrate").returncode == 0

    [(up, down)] = project.rows("select up_text, down_text from dbkit._dbkit_script")
    assert up.startswith(MORE)
    assert (
        up.splitlines()[-1]
        == f"-- the ledger keeps no more of these {18_000_000 + len(MORE):,} characters"
    )
    assert len(up) < 100_000
    assert down == UNDO_MORE


def test_an_earlier_ledger_keeps_the_files_that_are_still_what_ran(project: Project) -> None:
    project.migration("0001_orders", f"-- Orders.\n{ORDERS}", "drop table orders;\n")
    project.migration("0002_price", PRICE, None)
    project.object("dear", "create or replace view dear as select id from orders where price > 9;")
    with project.connect() as connection:
        connection.execute(OF_VERSION_1.read_text().encode())
    early = refusal(project.dbkit("status", "shop", "--show", "1"))
    project.migration("0003_more", MORE, UNDO_MORE)

    ran = project.dbkit("migrate")

    assert early.endswith("has no text of migration 1: it ran before texts were kept")
    assert ran.returncode == 0, ran.stderr
    assert project.rows("select version, up_text, down_text from dbkit._dbkit_script") == [
        (1, f"-- Orders.\n{ORDERS}", "drop table orders;\n"),
        (2, PRICE, None),
        (3, MORE, UNDO_MORE),
    ]


def test_an_older_release_beside_a_newer_database_is_no_error(elsewhere: Project) -> None:
    migrated = elsewhere.dbkit("migrate")
    status = elsewhere.dbkit("status")
    as_json = elsewhere.status()

    assert (migrated.returncode, migrated.stdout) == (
        0,
        "shop: up to date at version 2; the database is ahead by 0002_more\n",
    )
    assert status.returncode == 0
    assert "ahead by 0002_more" in status.stdout
    assert as_json["ahead"] == [{"version": 2, "name": "0002_more"}]
    assert (as_json["pending"], as_json["problems"]) == ([], [])
    assert json.loads(elsewhere.dbkit("migrate", "--json").stdout)["systems"][0]["ahead"] == [
        "0002_more"
    ]


def test_an_older_release_leaves_the_objects_of_a_newer_one_alone(elsewhere: Project) -> None:
    elsewhere.object("last", "create or replace view last as select 2 as release;")
    gone = elsewhere.object("gone", "create or replace view gone as select 2 as release;")
    more = elsewhere.migration("0002_more", MORE, UNDO_MORE)
    assert elsewhere.dbkit("migrate").returncode == 0
    more.unlink()
    more.with_suffix(".rollback.sql").unlink()
    gone.unlink()
    elsewhere.object("last", "create or replace view last as select 1 as release;")

    migrated = elsewhere.dbkit("migrate", "--drop-gone")
    status = elsewhere.dbkit("status")

    assert (migrated.returncode, status.returncode) == (0, 0)
    assert "drop" not in status.stdout
    assert elsewhere.rows("select last.release, gone.release from last, gone") == [(2, 2)]


@pytest.mark.parametrize("applied", [True, False])
def test_a_release_that_is_not_wholly_applied_is_not_merely_older(
    elsewhere: Project, *, applied: bool
) -> None:
    elsewhere.migration("0002_other", "create table other ();", "drop table other;")
    elsewhere.migration("0003_third", "create table third ();", "drop table third;")
    if applied:
        with elsewhere.connect() as connection:
            connection.execute("update schema_version set version = 4 where version = 2")

    status = elsewhere.status()

    assert status["ahead"] == []
    assert elsewhere.dbkit("status").returncode == 3
