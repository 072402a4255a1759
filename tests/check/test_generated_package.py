"""A package is current if the files and the database, both as they are now, would give it again."""

import json
from pathlib import Path

import pytest

from tests.check.conftest import Shop

REMEDY = "; run dbkit generate shop"


@pytest.fixture
def generated(shop: Shop) -> Shop:
    """The shop with one query of each subject, and its package."""
    shop.query("orders/list_all", "-- :many\nselect id, note, customer from orders;\n")
    shop.query("states/list_all", "-- :many\nselect id, state from orders;\n")
    shop.generate()
    return shop


@pytest.fixture
def package(generated: Shop) -> Path:
    """The folder of the package."""
    return generated.project.root / "shop" / "queries"


def test_what_was_just_generated_is_current(generated: Shop) -> None:
    assert generated.places() == []


def test_a_project_without_a_package_needs_none(shop: Shop) -> None:
    shop.query("orders/list_all", "-- :many\nselect id from orders;\n")

    assert shop.places() == []


def test_an_edited_file_is_told_as_generate_check_does(generated: Shop) -> None:
    generated.query("orders/list_all", "-- :many\nselect id from orders;\n")

    finding = generated.only()

    assert (finding.kind, finding.place, finding.message) == (
        "generated",
        "shop/queries:",
        f"not current: shop/orders/list_all.sql was changed{REMEDY}",
    )


def test_a_package_that_was_never_generated_is_told_also_without_a_database(
    generated: Shop, package: Path
) -> None:
    (package / "queries.lock").unlink()
    generated.project.migration("0002_more", "select 1;")

    findings = generated.check().findings

    assert [(one.kind, one.message) for one in findings] == [
        ("pending", "0002_more is pending; run dbkit migrate shop"),
        ("generated", f"not current: there is no queries/queries.lock{REMEDY}"),
    ]


def test_a_database_that_changed_under_unchanged_files_is_told_by_query_and_column(
    generated: Shop,
) -> None:
    generated.connection.execute("alter table orders alter customer drop not null")
    generated.connection.execute("alter table orders alter note type varchar(9)")

    findings = generated.check().findings

    assert [(one.kind, one.place, one.query, one.message) for one in findings] == [
        (
            "drift",
            "shop/queries/orders.py:",
            "orders.list_all",
            f"column note is varchar now, and was text when this was generated{REMEDY}",
        ),
        (
            "drift",
            "shop/queries/orders.py:",
            "orders.list_all",
            (f"column customer is text now, and was text not null when this was generated{REMEDY}"),
        ),
    ]


def test_what_the_lock_file_does_not_record_is_told_by_the_line(
    generated: Shop, package: Path
) -> None:
    generated.connection.execute("alter type state add value 'lost'")

    finding = generated.only()

    line = (package / "states.py").read_text().splitlines()[(finding.line or 0) - 1]
    assert (finding.kind, finding.path) == ("drift", "shop/queries/states.py")
    assert '"paid"' in line
    assert '"lost"' in finding.message


def test_a_lock_file_edited_by_hand_is_told(generated: Shop, package: Path) -> None:
    lock = json.loads((package / "queries.lock").read_text())
    lock["queries"] = []
    (package / "queries.lock").write_text(json.dumps(lock, indent=2))

    finding = generated.only()

    assert (finding.kind, finding.path) == ("drift", "shop/queries/queries.lock")


def test_a_generated_module_that_is_none_any_more_is_told(generated: Shop, package: Path) -> None:
    (package / "old.py").write_text((package / "orders.py").read_text())

    finding = generated.only()

    assert (finding.place, finding.message) == (
        "shop/queries/old.py:",
        f"would be taken away{REMEDY}",
    )


def test_other_ends_of_the_lines_are_no_drift(generated: Shop, package: Path) -> None:
    for path in package.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert generated.places() == []


def test_nothing_is_said_of_drift_while_a_query_is_wrong(generated: Shop, package: Path) -> None:
    generated.connection.execute("alter table orders drop column note")

    finding = generated.only()

    assert (finding.kind, finding.place) == ("statement", "sql/shop/orders/list_all.sql:2:12:")
    assert (package / "orders.py").is_file()


def test_a_package_without_a_name_of_pythons_is_a_finding(shop: Shop) -> None:
    (shop.project.root / "pyproject.toml").write_text(
        '[tool.dbkit.systems.shop]\npackage = "shop-queries"\n'
    )

    finding = shop.only()

    assert finding.kind == "generated"
    assert "'shop-queries'" in finding.message
