"""`dbkit adopt` believes the ledger of another tool, where there is one, and checks the catalog."""

import json
import subprocess

import pytest

from tests.cli.seen import refusal
from tests.conftest import ROOT
from tests.project import Project

_MIGRATIONS = (
    ("orders", "create table orders (id integer primary key, note text);"),
    ("price", "alter table orders add column price numeric not null default 0;"),
    ("first_order", "insert into orders (id) values (1);"),
    ("index", "create index orders_note on orders (note);"),
)
# the old names of a tool, and the version at which its ledger in tests/files/adopting/ledgers is
_LEDGERS = {
    "alembic": (
        ("1a", "2b_price", "3c", "4d"),
        "3c",
    ),
    "golang-migrate": (
        ("000001_orders", "000002_price", "000003_first_order", "000004_index"),
        "3",
    ),
    "dbmate": (
        ("20240101_orders", "20240102_price", "20240103_first", "20240104_index"),
        "20240103",
    ),
    "goose": (
        ("00001_orders", "00002_price", "20240103_first", "20240104_index"),
        "20240103",
    ),
    "Flyway": (
        ("V1__orders", "V1_1__price", "V2.0__first", "V10__index"),
        "2.0",
    ),
    "sqlx": (
        ("20230101_orders", "20230102_price", "20230103_first", "20230104_index"),
        "20230103",
    ),
    "diesel": (
        ("00000000000000_setup", "2024-01-02-080000_price", "2024-01-03-080000_a", "2024-01-04_b"),
        "20240103080000",
    ),
    "sql-migrate": (
        ("1-orders", "2-price", "3-first", "4-index"),
        "3-first.sql",
    ),
    "refinery": (
        ("V1__orders", "V2__price", "U3__first", "V4__index"),
        "3",
    ),
    "yoyo": (
        ("a.orders", "b.price", "c.first", "d.index"),
        "c.first",
    ),
}


def ledger_of(tool: str) -> str:
    return (ROOT / "tests" / "files" / "adopting" / "ledgers" / f"{tool}.sql").read_text()


def bring(project: Project, tool: str) -> str:
    """Write the migrations with their old names; return the ledger of the tool."""
    names, _ = _LEDGERS[tool]
    for number, ((name, text), was) in enumerate(zip(_MIGRATIONS, names, strict=True), start=1):
        project.migration(f"{number:04}_{name}", f"-- was: {was}\n\n{text}\n")
    return ledger_of(tool)


def make(project: Project, *statements: str, versions: int = 3) -> None:
    """Make the database as another tool would, with rows of its own."""
    with project.connect() as connection:
        for _, text in _MIGRATIONS[:versions]:
            connection.execute(text.encode())
        for statement in statements:
            connection.execute(statement.encode())


def adopt(project: Project, *options: str) -> subprocess.CompletedProcess[str]:
    return project.dbkit("adopt", "shop", *options)


@pytest.mark.parametrize("tool", sorted(_LEDGERS))
def test_the_ledger_of_a_tool_tells_the_version(project: Project, tool: str) -> None:
    make(project, bring(project, tool))

    ran = adopt(project)

    # the catalog alone would say version 2: the third changes only rows
    assert ran.stdout.splitlines() == [
        f"shop: made by {tool}, at its version {_LEDGERS[tool][1]}; its table is left alone",
        "shop: recorded at version 3 of 4; nothing was run",
        "shop: run `dbkit migrate shop` next",
    ], ran
    migrated = project.dbkit("migrate")
    assert migrated.returncode == 0, migrated
    assert project.status()["version"] == 4
    assert project.rows("select count(*) from orders") == [(1,)]


@pytest.mark.parametrize("tool", sorted(_LEDGERS))
def test_what_a_ledger_says_is_held_against_the_catalog(project: Project, tool: str) -> None:
    make(project, bring(project, tool), "drop table orders", _MIGRATIONS[0][1])

    message = refusal(adopt(project))

    assert message.splitlines() == [
        (
            f"the database of shop is at version 3 by the ledger of {tool}, with 1 difference; "
            "mend them in the database or in the files, then run dbkit adopt shop again:"
        ),
        "  column orders.price is missing",
    ]
    assert project.status()["problems"] != []


def test_without_a_check_the_ledger_is_believed(project: Project) -> None:
    make(project, bring(project, "goose"), "alter table orders drop price")

    ran = adopt(project, "--no-check")

    assert "shop: its catalog was not compared\n" in ran.stdout
    assert "shop: recorded at version 3 of 4; nothing was run\n" in ran.stdout


def test_without_a_check_and_without_a_ledger_nothing_tells_the_version(project: Project) -> None:
    bring(project, "goose")
    make(project)

    message = refusal(adopt(project, "--no-check"))

    assert message.startswith("no ledger of another tool tells which version the database of shop")


def test_what_a_later_version_would_make_is_a_difference(project: Project) -> None:
    make(project, bring(project, "goose"), _MIGRATIONS[3][1], "create table notes (id int)")

    message = refusal(adopt(project))

    assert message.splitlines()[1:] == ["  index orders_note is not expected"]


def test_what_stands_beside_is_left_alone(project: Project) -> None:
    make(project, bring(project, "goose"), "create table notes (id int)")

    ran = adopt(project)

    assert "shop: not ours, and left alone: table notes\n" in ran.stdout
    assert "recorded at version 3 of 4" in ran.stdout


def test_with_a_version_no_later_one_is_built(project: Project) -> None:
    bring(project, "goose")
    project.migration("0005_broken", "create table broken (id no_such_type);")
    make(project, versions=2)

    adopted = json.loads(adopt(project, "--to", "2", "--json").stdout)

    assert (adopted["version"], adopted["origin"], adopted["recorded"]) == (2, None, True)


def test_a_version_that_cannot_be_built_ends_the_search_and_is_named(project: Project) -> None:
    bring(project, "goose")
    project.migration("0005_broken", "create table broken (id no_such_type);")
    make(project, versions=2)

    ran = adopt(project)

    assert ran.returncode == 0, ran
    assert "shop: version 5 cannot be made here: " in ran.stdout
    assert "recorded at version 2 of 5" in ran.stdout


@pytest.mark.parametrize(
    ("tool", "change", "sentence"),
    [
        (
            "golang-migrate",
            "update schema_migrations set dirty = true",
            "golang-migrate stopped in the middle of its version 3, ",
        ),
        (
            "Flyway",
            "update flyway_schema_history set success = false where version = '2.0'",
            "Flyway stopped in the middle of its version 2.0, ",
        ),
        (
            "sqlx",
            "update _sqlx_migrations set success = false where version = 20230103",
            "sqlx stopped in the middle of its version 20230103, ",
        ),
        (
            "goose",
            "insert into goose_db_version (version_id, is_applied) values (20990101, true)",
            "goose is at its version 20990101, and no migration of shop has it in its line ",
        ),
        (
            "dbmate",
            "delete from schema_migrations where version = '20240102'",
            "dbmate has applied 20240103_first, but not 20240102_price, which comes before it ",
        ),
    ],
)
def test_a_ledger_that_cannot_be_followed_is_refused(
    project: Project, tool: str, change: str, sentence: str
) -> None:
    make(project, bring(project, tool), change)

    message = refusal(adopt(project))

    assert message.startswith(sentence)
    assert project.rows("select to_regclass('schema_version') is null") == [(True,)]


def test_yoyo_is_followed_by_the_names_of_the_files_themselves(project: Project) -> None:
    for number, (name, text) in enumerate(_MIGRATIONS, start=1):
        project.migration(f"{number:04}_{name}", text)
    ledger = ledger_of("yoyo")
    for old, new in (("a.orders", "0001_orders"), ("b.price", "0002_price")):
        ledger = ledger.replace(old, new)
    make(project, ledger.replace("c.first", "0003_first_order"))

    ran = adopt(project)

    assert "shop: made by yoyo, at its version 0003_first_order; " in ran.stdout
    assert "recorded at version 3 of 4" in ran.stdout


def test_a_ledger_that_is_empty_leaves_it_to_the_catalog(project: Project) -> None:
    make(project, bring(project, "sqlx"), "delete from _sqlx_migrations", versions=2)

    ran = adopt(project)

    assert "shop: made by sqlx, at its version none; its table is left alone\n" in ran.stdout
    assert "recorded at version 2 of 4" in ran.stdout


def test_hundreds_of_versions_are_searched_in_seconds_and_said(project: Project) -> None:
    for number in range(1, 61):
        project.migration(
            f"{number:04}_t{number}",
            f"create table t{number} (id int primary key, a text not null check (a <> ''));"
            f"create index t{number}_a on t{number} (lower(a));",
        )
    with project.connect() as connection:
        for number in range(1, 41):
            connection.execute(
                f"create table t{number} (id int primary key, a text not null check (a <> ''));"
                f"create index t{number}_a on t{number} (lower(a))".encode()
            )

    ran = adopt(project)

    assert "recorded at version 40 of 60" in ran.stdout
