"""A folder of migrations that does not fit together, or not to its database, is refused."""

from pathlib import Path

import pytest

from tests.cli.seen import contents, leftovers, refusal
from tests.project import Project

FOLDER = "migrations/shop"
ORDERS = "create table orders (\n    id integer -- the key\n);\n"


@pytest.fixture
def folder(project: Project) -> Path:
    """The project's folder of migrations, with two that are applied."""
    project.migration("0001_orders", ORDERS, "drop table orders;")
    project.migration("0002_items", "create table items (id integer);", "drop table items;")
    assert project.dbkit("migrate").returncode == 0
    return project.root / FOLDER


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ["0001_orders.sql", "0003_items.sql"],
            (
                f"{FOLDER}/0003_items.sql: number 2 is expected here; "
                "bring the missing file back, or renumber if it never existed"
            ),
        ),
        (
            ["0001_items.sql", "0001_orders.sql"],
            (
                f"{FOLDER}/0001_orders.sql: number 1 is taken by {FOLDER}/0001_items.sql; "
                "give the one that has not been applied anywhere the next free number"
            ),
        ),
        (["0000_orders.sql"], f"{FOLDER}/0000_orders.sql: numbers start at 1"),
        (
            ["orders.sql"],
            f"{FOLDER}/orders.sql: a migration is named NNNN_name.sql, such as 0007_add_index.sql",
        ),
        (
            ["0001_orders.py"],
            f"{FOLDER}/0001_orders.py: a migration is SQL here; write it as NNNN_name.sql",
        ),
        (
            ["post-apply.sql"],
            (
                f"{FOLDER}/post-apply.sql: post-apply files are not run; "
                "views, functions and triggers belong into sql/<system>/_objects/"
            ),
        ),
        (
            ["0001_orders.rollback.sql"],
            (
                f"{FOLDER}/0001_orders.rollback.sql: there is no 0001_orders.sql that it could "
                "undo; bring it back, or remove this file"
            ),
        ),
    ],
)
@pytest.mark.parametrize("command", ["migrate", "status"])
def test_files_that_make_no_history_are_refused(
    project: Project, command: str, names: list[str], sentence: str
) -> None:
    for name in names:
        (project.root / FOLDER / name).write_text("create table orders (id integer);")

    ran = project.dbkit(command)

    if command == "status":
        assert ran.returncode == 3
        assert ran.stdout.splitlines()[-1] == f"shop: {sentence}"
    else:
        assert refusal(ran) == sentence
    assert contents(project) == {}


def test_a_folder_that_is_missing_is_named_with_the_way_to_make_it(project: Project) -> None:
    (project.root / FOLDER).rmdir()

    ran = project.dbkit("migrate")

    assert refusal(ran) == (
        f"{FOLDER}: this folder does not exist; make the first migration with: "
        "dbkit new SYSTEM NAME"
    )


def test_a_file_in_the_folder_s_place_is_refused(project: Project) -> None:
    (project.root / FOLDER).rmdir()
    (project.root / FOLDER).write_text("")

    ran = project.dbkit("migrate")

    assert refusal(ran) == (
        f"{FOLDER}: is not a folder; remove the file, or name another folder in pyproject.toml"
    )


@pytest.mark.parametrize("call", ["migrate", "rollback shop", "migrate --plan"])
def test_an_edited_migration_is_refused_whatever_is_asked(
    project: Project, folder: Path, call: str
) -> None:
    (folder / "0001_orders.sql").write_text(ORDERS.replace("integer", "bigint"))
    project.migration("0003_more", "create table more (id integer);")
    before = contents(project)

    message = refusal(project.dbkit(*call.split()))

    assert message.startswith(f"{FOLDER}/0001_orders.sql was edited after it ran (2")
    assert message.endswith(
        "); put its text back and make the change a new migration, "
        "or accept it with: dbkit force shop 2"
    )
    assert contents(project) == before


@pytest.mark.parametrize(
    "text",
    [
        f"-- Why orders are kept.\n{ORDERS}",
        ORDERS.replace("\n", "\r\n"),
        "\ufeff" + ORDERS,
        "create table orders ( id\tinteger /* the key */ );",
    ],
)
def test_a_migration_may_be_laid_out_and_commented_anew(
    project: Project, folder: Path, text: str
) -> None:
    (folder / "0001_orders.sql").write_bytes(text.encode())

    ran = project.dbkit("migrate")

    assert ran.stdout == "shop: up to date at version 2\n"
    assert project.dbkit("status").returncode == 0


def test_an_applied_migration_that_can_no_longer_be_read_is_pointed_at(project: Project) -> None:
    path = project.migration("0001_orders", "create table orders (id integer);")
    project.dbkit("migrate")
    path.write_text("create table orders (id integer default 'one);")

    ran = project.dbkit("migrate")

    assert refusal(ran).startswith(f"{FOLDER}/0001_orders.sql:1:41: ")


def test_an_edited_migration_is_accepted_by_force(project: Project, folder: Path) -> None:
    (folder / "0001_orders.sql").write_text(ORDERS.replace("integer", "bigint"))

    ran = project.dbkit("force", "shop", "2")

    assert ran.stdout == "shop: recorded version 2 (it was 2); nothing was run\n"
    assert project.dbkit("status").returncode == 0


def test_a_deleted_migration_is_missed(project: Project, folder: Path) -> None:
    (folder / "0002_items.sql").unlink()
    (folder / "0002_items.rollback.sql").unlink()
    before = contents(project)

    migrated = project.dbkit("migrate")
    rolled_back = project.dbkit("rollback", "shop")

    assert refusal(migrated) == (
        "migration 0002_items was applied to this database, but its file is gone; "
        "bring the file back (it may be on another branch)"
    )
    assert refusal(rolled_back) == refusal(migrated)
    assert contents(project) == before


def test_a_renamed_migration_is_refused_with_both_ways_out(project: Project, folder: Path) -> None:
    (folder / "0002_items.sql").rename(folder / "0002_goods.sql")
    (folder / "0002_items.rollback.sql").rename(folder / "0002_goods.rollback.sql")
    before = contents(project)

    ran = project.dbkit("migrate")

    assert refusal(ran) == (
        f"{FOLDER}/0002_goods.sql: number 2 was applied as 0002_items; rename it back, "
        "or accept the new name with: dbkit force shop 2"
    )
    assert contents(project) == before


def test_a_number_that_was_added_below_the_newest_is_a_duplicate(
    project: Project, folder: Path
) -> None:
    (folder / "0002_goods.sql").write_text("create table goods (id integer);")

    message = refusal(project.dbkit("migrate"))

    assert message.startswith(
        f"{FOLDER}/0002_items.sql: number 2 is taken by {FOLDER}/0002_goods.sql"
    )
    assert project.rows("select to_regclass('goods')") == [(None,)]


def test_other_files_beside_the_migrations_are_left_alone(project: Project) -> None:
    (project.root / FOLDER / "README.md").write_text("Read me.")
    (project.root / FOLDER / ".0001_orders.sql.swp").write_text("")
    project.migration("0001_orders", ORDERS)

    ran = project.dbkit("migrate")

    assert ran.returncode == 0
    assert {"orders", "schema_version"} <= leftovers(project).keys()
