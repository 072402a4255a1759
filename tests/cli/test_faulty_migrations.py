"""A migration that is wrong is refused with file, line, column and a caret, and leaves nothing."""

from pathlib import Path

import pytest

from tests.cli.seen import leftovers, refusal
from tests.project import Project

FAULTS = sorted((Path(__file__).parents[1] / "files/migrations").glob("*.sql"))
FILE = "migrations/shop/0001_orders.sql"
ORDERS = "create table orders (id integer);\n"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda path: path.stem)
def test_a_fault_is_told_as_the_file_beside_it_says_and_leaves_nothing(
    project: Project, fault: Path
) -> None:
    project.migration("0001_orders", fault.read_text(encoding="utf-8"))
    project.migration("0002_later", "select 1;")

    message = refusal(project.dbkit("migrate"))

    assert f"{message}\n" == fault.with_suffix(".txt").read_text(encoding="utf-8")
    assert leftovers(project) == {}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            b"select 1;\r\nselect foo;\r\n",
            '2:8: column "foo" does not exist\nselect foo;\n       ^',
        ),
        (b"\xef\xbb\xbfselect foo;", '1:8: column "foo" does not exist\nselect foo;\n       ^'),
        (b"select '\xe4';", "1:9: byte 0xe4 is not UTF-8; save the file as UTF-8"),
        (b"select '\0';", "1:9: NUL character, which PostgreSQL has no place for; take it out"),
    ],
    ids=["carriage returns", "byte order mark", "not UTF-8", "NUL"],
)
def test_bytes_that_no_editor_shows_do_not_shift_the_place(
    project: Project, text: bytes, place: str
) -> None:
    project.migration("0001_orders", "").write_bytes(text)

    message = refusal(project.dbkit("migrate"))

    assert message.startswith(f"{FILE}:{place}")
    assert leftovers(project) == {}


def test_a_fault_in_the_last_file_stops_the_first(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.migration("0002_items", "create table items (id integer);\ncommit;")

    message = refusal(project.dbkit("migrate"))

    assert message.startswith("migrations/shop/0002_items.sql:2:1: 'commit' does not belong")
    assert leftovers(project) == {}


def test_what_was_applied_before_the_server_refused_stays_applied(project: Project) -> None:
    project.migration("0001_orders", ORDERS)
    project.migration("0002_items", "create table items (id integer);\nselect 1 / 0;")

    ran = project.dbkit("migrate")

    applied, failed, *_ = ran.stderr.splitlines()
    assert ran.returncode == 1
    assert applied.startswith("shop: 0001_orders applied in ")
    assert failed == "error: migrations/shop/0002_items.sql:2:1: division by zero"
    assert project.rows("select version from schema_version") == [(1,)]
    assert project.rows("select to_regclass('items')") == [(None,)]
