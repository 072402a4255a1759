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
                "bring the missing file back, or close the gap, if it never existed, with: "
                "dbkit renumber shop"
            ),
        ),
        (
            ["0001_items.sql", "0001_orders.sql"],
            (
                f"{FOLDER}/0001_orders.sql: number 1 is taken by {FOLDER}/0001_items.sql; "
                "give the one that has not been applied anywhere the next free number with: "
                "dbkit renumber shop"
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
        (
            ["0001_orders.SQL"],
            (
                f"{FOLDER}/0001_orders.SQL: the ending .sql is written in small letters; "
                "rename it to 0001_orders.sql"
            ),
        ),
        *(
            (
                [name],
                (
                    f"{FOLDER}/{name}: is no .sql file, so it would never be run; "
                    "give it that ending, or move it elsewhere"
                ),
            )
            for name in (
                "0001_orders.psql",
                "0001_orders.sql.txt",
                "0001_orders.sql.gz",
                "rows.csv",
            )
        ),
        (
            ["V1__orders.sql", "V2_1__items.sql", "R__views.sql"],
            (
                f"{FOLDER}/R__views.sql: is named as Flyway names its files, as are 2 more; "
                f"bring the folder over with: dbkit import flyway {FOLDER} shop"
            ),
        ),
        (
            ["000001_orders.up.sql"],
            (
                f"{FOLDER}/000001_orders.up.sql: is named as golang-migrate names its files; "
                f"bring the folder over with: dbkit import golang-migrate {FOLDER} shop"
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
        f"{FOLDER}: this folder does not exist; make the first migration with: dbkit new shop NAME"
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
        'or accept it with: dbkit repair shop 1 --because "WHY"; a database for development can '
        "be made as the files are: dbkit migrate shop --follow --plan"
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
    project.migration("0003_more", "create table more ();", "drop table more;")
    assert project.dbkit("migrate").returncode == 0
    (folder / "0002_items.sql").unlink()
    (folder / "0002_items.rollback.sql").unlink()
    before = contents(project)

    migrated = project.dbkit("migrate")
    rolled_back = project.dbkit("rollback", "shop")

    gap, missing = refusal(migrated).splitlines()
    assert gap == (
        "migrations/shop/0003_more.sql: number 2 is expected here; bring the missing file back, or "
        "close the gap, if it never existed, with: dbkit renumber shop"
    )
    assert missing == (
        "error: migration 0002_items was applied to this database, but its file is gone; bring the "
        "file back (it may be on another branch); what it did is shown by: dbkit status shop "
        "--show 2, and what would be undone without it by: dbkit rollback shop --to 1 --plan"
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
        'or accept the new name with: dbkit repair shop 2 --because "WHY"'
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


@pytest.mark.parametrize("within", [FOLDER, "sql/shop/_objects"])
def test_what_is_hidden_left_over_or_a_document_is_passed_over(
    project: Project, within: str
) -> None:
    names = (
        *(".gitkeep", ".0001_orders.sql.swp", ".#0001_orders.sql", "#0001_orders.sql#"),
        *("0001_orders.sql~", "0001_orders.sql.orig", "0001_orders.sql.bak", "__init__.py"),
        *("README", "README.md", "Readme.txt", "LICENSE", "CODEOWNERS", "why.rst", "yoyo.ini"),
    )
    for name in names:
        (project.root / within / name).write_text("Read me.")
    (project.root / within / "__pycache__").mkdir()
    project.migration("0001_orders", ORDERS)

    ran = project.dbkit("migrate")

    assert ran.returncode == 0
    assert project.dbkit("status").returncode == 0
    assert {"orders", "schema_version"} <= leftovers(project).keys()


def test_a_folder_in_the_folder_is_named(project: Project, folder: Path) -> None:
    (folder / "later").mkdir()
    (folder / "later" / "0003_more.sql").write_text("create table more (id integer);")

    ran = project.dbkit("migrate")

    assert refusal(ran) == (
        f"{FOLDER}/later: is a folder, and only the files in {FOLDER} itself are read; "
        "move it elsewhere"
    )
    assert project.dbkit("status").returncode == 3


def test_the_folder_of_queries_may_be_in_that_of_the_migrations(project: Project) -> None:
    (project.root / "pyproject.toml").write_text(
        '[tool.dbkit.systems.shop]\nmigrations = "db"\nsql = "db/sql"\n'
    )
    (project.root / "db" / "sql").mkdir(parents=True)
    (project.root / "db" / "0001_orders.sql").write_text(ORDERS)

    ran = project.dbkit("migrate")

    assert ran.returncode == 0, ran


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("open_orders.SQL", "the ending .sql is written in small letters; rename it to "),
        ("open_orders.psql", "is no .sql file, so it would never be run; "),
        ("open_orders.py", "an object is SQL here; write it as NAME.sql"),
        ("more", "is a folder, and only the files in sql/shop/_objects itself are read; "),
    ],
)
def test_what_is_no_object_file_is_named(project: Project, name: str, reason: str) -> None:
    path = project.root / "sql/shop/_objects" / name
    if name == "more":
        path.mkdir()
    else:
        path.write_text("create view open_orders as select 1 as id;")
    project.migration("0001_orders", ORDERS)

    ran = project.dbkit("migrate")

    assert refusal(ran).startswith(f"sql/shop/_objects/{name}: {reason}")
    assert project.status()["problems"][0]["kind"] == "file"
    assert contents(project) == {}
