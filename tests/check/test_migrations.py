"""What `status` says is a finding, and queries are asked only of a database that is up to date."""

from collections.abc import Generator
from contextlib import contextmanager, nullcontext

import psycopg

from dbkit.check import check_system
from dbkit.database import connect
from tests.check.conftest import Shop

WRONG = "-- :many\nselect nota from orders;\n"


def test_pending_migrations_are_one_finding_and_queries_wait_for_them(shop: Shop) -> None:
    shop.query("orders/list_all", WRONG)
    shop.project.migration("0002_nota", "alter table orders add column nota text;")
    shop.project.migration("0003_more", "create table more (id integer);")

    report = shop.check()

    assert [(one.kind, one.place, one.message) for one in report.findings] == [
        (
            "pending",
            "migrations/shop/0002_nota.sql:",
            "0002_nota and 1 more are pending; run dbkit migrate shop",
        )
    ]
    assert (len(report.queries), report.combinations, report.typed) == (1, 1, [])
    assert shop.project.rows("select to_regclass('more')::text") == [(None,)]


def test_an_object_to_apply_is_pending_too(shop: Shop) -> None:
    shop.project.object("cheap", "create view cheap as select id from orders;")

    finding = shop.only()

    assert (finding.place, finding.message) == (
        "sql/shop/_objects/cheap.sql:",
        "cheap is pending; run dbkit migrate shop",
    )


def test_an_object_whose_file_is_gone_is_a_warning(shop: Shop) -> None:
    file = shop.project.object("cheap", "create view cheap as select id from orders;")
    shop.project.runner(shop.connection).migrate()
    file.unlink()

    report = shop.check()

    [warning] = report.warnings
    assert report.findings == []
    assert warning.kind == "gone"
    assert warning.message.endswith("drop it with: dbkit migrate shop --drop-gone")


def test_an_edited_migration_is_found_with_its_file(shop: Shop) -> None:
    shop.project.migration("0001_orders", "create table orders (id bigint);")

    finding = shop.only()

    assert (finding.kind, finding.path) == ("edited", "migrations/shop/0001_orders.sql")


def test_a_database_of_somebody_elses_is_one_finding(shop: Shop) -> None:
    shop.query("orders/list_all", WRONG)
    shop.connection.execute("drop table schema_version, dbkit._yoyo_migration cascade")

    finding = shop.only()

    assert finding.kind == "foreign"


def test_a_database_that_was_never_made_has_everything_pending(shop: Shop) -> None:
    shop.query("orders/list_all", WRONG)

    report = check_system(shop.system, shop.project.root, nullcontext(None))

    assert [one.kind for one in report.findings] == ["pending"]


def test_a_database_that_cannot_be_reached_is_one_finding_and_files_are_read(shop: Shop) -> None:
    shop.query("orders/list_all", WRONG)
    shop.query("orders/other", "select id from orders;\n")

    @contextmanager
    def nowhere() -> Generator[psycopg.Connection]:
        with connect("postgresql://nobody@localhost:1/nothing") as connection:
            yield connection

    report = check_system(shop.system, shop.project.root, nowhere())

    assert [one.kind for one in report.findings] == ["unreachable", "file"]
    assert len(report.queries) == 1


def test_migrations_that_cannot_be_read_are_a_finding(shop: Shop) -> None:
    shop.project.migration("0003_gap", "select 1;")

    finding = shop.only()

    assert finding.kind == "gap"


def test_every_fault_of_every_migration_file_is_told_in_one_run(shop: Shop) -> None:
    for number in range(2, 18):
        shop.project.migration(f"{number:04}_more", "begin;\nselect 1;\ncommit;\n")
    shop.project.object("cheap", "create view cheap as select id from orders;\\q\n")

    findings = shop.check().findings

    faults = [finding for finding in findings if finding.rule == "migration-file"]
    assert [finding.place for finding in faults] == [
        *(
            f"migrations/shop/{number:04}_more.sql:{line}:1:"
            for number in range(2, 18)
            for line in (1, 3)
        ),
        "sql/shop/_objects/cheap.sql:1:44:",
    ]
    assert faults[0].snippet == "begin;\n^"


def test_what_is_wrong_with_the_folder_is_told_beside_a_database_that_cannot_be_reached(
    shop: Shop,
) -> None:
    shop.project.migration("first", "select 1;", rollback=None)
    shop.project.migration("0003_gap", "select 1;")

    @contextmanager
    def nowhere() -> Generator[psycopg.Connection]:
        with connect("postgresql://nobody@localhost:1/nothing") as connection:
            yield connection

    report = check_system(shop.system, shop.project.root, nowhere())

    assert [(finding.rule, finding.path) for finding in report.findings] == [
        ("unreachable", None),
        ("gap", "migrations/shop/0003_gap.sql"),
        ("migration-file", "migrations/shop/first.sql"),
    ]
