"""`dbkit import` brings the migrations of other tools, and proves that they do the same here."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.seen import refusal
from tests.conftest import ROOT
from tests.project import Project

_FILES = ROOT / "tests" / "files" / "importing"
# each with its rollback? and whether it runs in a transaction
_BROUGHT = {
    "dbmate": [
        ("0001_create_users", "20240101120000_create_users", True, True),
        ("0002_name_index", "20240102090000_name_index", True, False),
        ("0003_keep", "20240103_keep", False, True),
    ],
    "diesel": [
        ("0001_diesel_initial_setup", "00000000000000_diesel_initial_setup", True, True),
        ("0002_create_posts", "2024-01-01-120000_create_posts", True, True),
        ("0003_find_posts", "2024-01-02-080000_find_posts", True, False),
    ],
    "flyway": [
        ("0001_create_person_table", "V1__create_person_table", False, True),
        ("0002_primary_key", "V1_1__primary_key", True, True),
        ("0003_find_by_name", "V2.0__Find_by_name", False, False),
        ("0004_adults", "V10__adults", False, True),
    ],
    "golang-migrate": [
        ("0001_create_users", "000001_create_users", True, True),
        ("0002_find_users_by_domain", "000002_find_users_by_domain", True, False),
        ("0003_touch", "000010_touch", True, True),
    ],
    "goose": [
        ("0001_create_posts", "00001_create_posts", True, True),
        ("0002_title_index", "00002_title_index", True, False),
        ("0003_body", "20240105100000_body", True, True),
    ],
    "plain": [
        ("0001_accounts", "1_accounts", True, True),
        ("0002_transfers", "2_transfers", True, True),
        ("0003_vacuum", "10_vacuum", True, False),
    ],
    "refinery": [
        ("0001_initial", "V1__initial", False, True),
        ("0002_add_cars", "V2__add_cars", False, True),
        ("0003_late_brand", "U3__late_brand", False, True),
        ("0004_index", "V10__index", False, False),
    ],
    "sql-migrate": [
        ("0001_people", "1-people", True, True),
        ("0002_do_something", "2-do-something", True, True),
        ("0003_index", "10-index", True, False),
    ],
    "sqlx": [
        ("0001_create_todos", "20230101000000_create_todos", False, True),
        ("0002_open_todos", "20230102000000_open_todos", False, False),
    ],
    "sqlx-reversible": [
        ("0001_create_todos", "20230101000000_create_todos", True, True),
        ("0002_done", "20230102000000_done", True, True),
    ],
    "alembic": [
        ("0001_1975ea83b712", "1975ea83b712", True, True),
        ("0002_ae1027a6acf", "ae1027a6acf", True, False),
        ("0003_ba111", "ba111", True, True),
        ("0004_bb111", "bb111", False, True),
    ],
}
# down to where both can be taken back
_DOWN_TO = {"dbmate": 3, "flyway": 4, "refinery": 4, "sqlx": 2, "alembic": 4}


def brought(project: Project, name: str) -> Path:
    """Put the files of a tool into the project's folder `old`."""
    return Path(shutil.copytree(_FILES / name, project.root / "old"))


def written(project: Project, old: dict[str, str]) -> Path:
    """Write files of a tool into the project's folder `old`."""
    for name, text in old.items():
        path = project.root / "old" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return project.root / "old"


def files(project: Project) -> dict[str, str]:
    """Return the files of migrations and objects by their names."""
    folders = ("migrations/shop", "sql/shop/_objects")
    return {
        path.name: path.read_text()
        for folder in folders
        for path in sorted((project.root / folder).iterdir())
    }


@pytest.mark.parametrize("name", sorted(_BROUGHT))
def test_a_history_is_brought_here_and_makes_the_same_schema(project: Project, name: str) -> None:
    brought(project, name)

    ran = project.dbkit("import", name.removesuffix("-reversible"), "old", "shop", "--json")

    assert ran.returncode == 0, ran
    result: dict[str, Any] = json.loads(ran.stdout)
    assert [
        (new["name"], new["was"], new["rollback"], new["transactional"])
        for new in result["migrations"]
    ] == _BROUGHT[name]
    count = len(_BROUGHT[name])
    assert result["proof"] == {
        "holds": True,
        "up_to": count,
        "down_to": _DOWN_TO.get(name, 0),
        "differences": [],
        "notes": [],
    }
    text = files(project)
    for new, was, rollback, transactional in _BROUGHT[name]:
        assert text[f"{new}.sql"].startswith(f"-- was: {was}\n")
        assert (f"{new}.rollback.sql" in text) == rollback
        assert ("-- transactional: false\n" in text[f"{new}.sql"]) == (not transactional)
    migrated = project.dbkit("migrate")
    assert migrated.returncode == 0, migrated
    assert project.status()["version"] == count


def test_annotations_and_a_transaction_of_its_own_are_taken_out_and_said(project: Project) -> None:
    brought(project, "golang-migrate")

    ran = project.dbkit("import", "golang-migrate", "old", "shop", "--no-proof")

    assert files(project)["0001_create_users.sql"] == (
        "-- was: 000001_create_users\n\n"
        "CREATE TABLE users (\n"
        "    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
        "    email text NOT NULL UNIQUE\n"
        ");\n"
    )
    assert files(project)["0003_touch.rollback.sql"].splitlines()[0] == (
        "DROP TRIGGER users_touch ON users;"
    )
    # such a comment would be a header here
    assert "-- depends  on nothing, a comment of ours\n" in files(project)["0003_touch.sql"]
    assert (
        "shop: old/000001_create_users.up.sql:1 has a begin and a commit of its own: "
        "they are taken out, because dbkit writes them\n"
    ) in ran.stdout
    assert (
        "shop: old/000002_find_users_by_domain.up.sql:1 cannot run in a transaction: "
        "the file says `-- transactional: false` now\n"
    ) in ran.stdout


def test_the_halves_of_one_file_become_two(project: Project) -> None:
    brought(project, "goose")

    project.dbkit("import", "goose", "old", "shop", "--no-proof")

    assert files(project)["0001_create_posts.sql"] == (
        "-- was: 00001_create_posts\n\n"
        "create table posts (id int primary key, title text not null, body text);\n\n"
        "create function shout(words text) returns text language plpgsql as $$\n"
        "begin\n"
        "    return upper(words);\n"
        "end;\n"
        "$$;\n"
    )
    assert files(project)["0001_create_posts.rollback.sql"] == (
        "drop function shout(text);\ndrop table posts;\n"
    )
    assert files(project)["0002_title_index.rollback.sql"] == (
        "-- transactional: false\ndrop index concurrently posts_title;\n"
    )


@pytest.mark.parametrize(
    ("tool", "file", "text"),
    [
        (
            "sqlx",
            "0002_open_todos.sql",
            (
                "-- was: 20230102000000_open_todos\n-- transactional: false\n\n"
                "CREATE INDEX CONCURRENTLY todos_open ON todos (id) WHERE NOT done;\n"
            ),
        ),
        (
            "refinery",
            "0004_index.sql",
            (
                "-- was: V10__index\n-- transactional: false\n\n"
                "CREATE INDEX CONCURRENTLY cars_brand ON cars (brand);\n"
            ),
        ),
        (
            "plain",
            "0002_transfers.sql",
            (
                "-- was: 2_transfers\n\ncreate table transfers (source int references accounts, "
                "target int references accounts);\n\n"
                "create function note() returns text language sql as $$\n"
                "-- depends: on nothing, this is no header\n"
                "select 'none'\n$$;\n"
            ),
        ),
    ],
)
def test_a_header_of_the_tool_is_not_left_in_the_file(
    project: Project, tool: str, file: str, text: str
) -> None:
    brought(project, tool)

    project.dbkit("import", tool, "old", "shop", "--no-proof")

    assert files(project)[file] == text


def test_a_repeatable_file_becomes_an_object_or_is_named(project: Project) -> None:
    brought(project, "flyway")

    ran = project.dbkit("import", "flyway", "old", "shop")

    assert ran.returncode == 0, ran
    assert files(project)["adult_people.sql"] == (
        "-- was: R__adult_people\n\n"
        "create or replace view adult_people as select id, name from person where age >= 18;\n"
    )
    assert (
        "shop: old/R__two_views.sql:2 is not carried over: "
        "an object file makes one object; split it\n"
    ) in ran.stdout
    assert "shop: old/afterMigrate.sql is passed over: " in ran.stdout


_BAD = {
    "a commit in the middle": (
        "golang-migrate",
        {"1_a.up.sql": "begin;\nselect 1;\ncommit;\nselect 2;\n"},
        ["old/1_a.up.sql:1:1: 'begin' does not", "old/1_a.up.sql:3:1: 'commit' does not"],
    ),
    "a transaction with a level": (
        "golang-migrate",
        {"1_a.up.sql": "begin isolation level serializable;\nselect 1;\ncommit;\n"},
        ["old/1_a.up.sql:1:1: 'begin'", "old/1_a.up.sql:3:1: 'commit'"],
    ),
    "a command of psql": (
        "plain",
        {"1_a.sql": "select 1;\n\\echo done\n"},
        [r"old/1_a.sql:2:1: '\echo' is a command of psql"],
    ),
    "a quote that is never closed": (
        "dbmate",
        {"1_a.sql": "-- migrate:up\nselect 'a;\n-- migrate:down\n"},
        ["old/1_a.sql:2:8: "],
    ),
    "a placeholder": (
        "flyway",
        {"V1__a.sql": "-- ${not}\ncreate table ${name}_x (id int);\n"},
        ["old/V1__a.sql:2:14: Flyway puts the value"],
    ),
    "a variable of the environment": (
        "goose",
        {"1_a.sql": "-- +goose Up\nselect '$A';\n-- +goose ENVSUB ON\nselect '${B}';\n"},
        ["old/1_a.sql:4:9: goose puts a variable"],
    ),
    "an unknown annotation": (
        "goose",
        {"1_a.sql": "-- +goose Up\n-- +goose Sideways\nselect 1;\n"},
        ["old/1_a.sql:2:1: goose knows no such annotation"],
    ),
    "a program in Go": (
        "goose",
        {"1_a.sql": "-- +goose Up\nselect 1;\n", "2_b.go": "package main"},
        ["old/2_b.go: is a program in Go"],
    ),
    "a program in Java": (
        "flyway",
        {"V1__a.java": "class V1 {}"},
        ["old/V1__a.java: is a program"],
    ),
    "a program in Rust": ("refinery", {"V1__a.rs": ""}, ["old/V1__a.rs: is a program in Rust"]),
    "a number twice": (
        "sqlx",
        {"1_a.sql": "select 1;", "01_b.sql": "select 2;"},
        ["old/1_a.sql: has the same number as 01_b"],
    ),
    "a version twice": (
        "flyway",
        {"V1__a.sql": "select 1;", "V1_0__b.sql": "select 2;"},
        ["old/V1__a.sql: has the same number as V1_0__b"],
    ),
    "no half to run": ("dbmate", {"1_a.sql": "create table a ();"}, ["old/1_a.sql: its first"]),
    "no line that says Up": ("sql-migrate", {"a.sql": "select 1;"}, ["old/a.sql: has no line"]),
    "only a half to undo": (
        "golang-migrate",
        {"1_a.down.sql": "select 1;"},
        ["old/1_a.down.sql: there is no .up.sql"],
    ),
    "no up.sql": ("diesel", {"1_a/down.sql": "select 1;"}, ["old/1_a: has no up.sql"]),
    "settings that are none": (
        "diesel",
        {"1_a/up.sql": "select 1;", "1_a/metadata.toml": "="},
        ["old/1_a/metadata.toml: is not valid TOML"],
    ),
    "an order that is not kept": (
        "plain",
        {"1_a.sql": "-- depends: 2_b\nselect 1;", "2_b.sql": "select 2;"},
        ["old/1_a.sql:1:1: comes before 2_b here"],
    ),
    "nothing at all": ("goose", {"README.md": "hello"}, ["old: holds no migration of goose"]),
    "nothing of alembic": ("alembic", {"README.md": ""}, ["old: holds neither alembic.ini nor"]),
}


@pytest.mark.parametrize("fault", sorted(_BAD))
def test_what_cannot_be_brought_here_is_named_and_nothing_is_written(
    project: Project, fault: str
) -> None:
    tool, old, sentences = _BAD[fault]
    written(project, old)

    ran = project.dbkit("import", tool, "old", "shop")

    told = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert (ran.returncode, ran.stdout) == (1, "")
    assert len(told) == len(sentences), ran.stderr
    for line, sentence in zip(told, sentences, strict=True):
        assert line.startswith(f"error: {sentence}")
    assert files(project) == {}


@pytest.mark.parametrize("taken", ["0001_mine.sql", "0001_mine.rollback.sql"])
def test_a_system_with_migrations_is_refused(project: Project, taken: str) -> None:
    brought(project, "goose")
    (project.root / "migrations" / "shop" / taken).write_text("select 1;\n")

    message = refusal(project.dbkit("import", "goose", "old", "shop"))

    assert message.startswith(f"{project.root}/migrations/shop/{taken} is there already, ")
    assert list(files(project)) == [taken]


def test_files_in_the_folder_of_the_system_are_to_be_moved_first(project: Project) -> None:
    shutil.copytree(_FILES / "goose", project.root / "migrations/shop", dirs_exist_ok=True)
    [advice] = [
        line.rpartition("with: ")[2]
        for line in project.dbkit("migrate").stderr.splitlines()
        if "dbkit import" in line
    ][:1]

    message = refusal(project.dbkit(*advice.split()[1:]))
    (project.root / "migrations/shop").rename(project.root / "old")
    moved = project.dbkit(*message.rpartition("run dbkit ")[2].split())

    assert advice == "dbkit import goose migrations/shop shop"
    assert moved.returncode == 0, moved
    assert project.dbkit("migrate").returncode == 0


def test_an_object_file_is_not_overwritten(project: Project) -> None:
    brought(project, "flyway")
    project.object("adult_people", "create or replace view adult_people as select 1 as mine;\n")

    message = refusal(project.dbkit("import", "flyway", "old", "shop"))

    assert "_objects/adult_people.sql is there already" in message
    assert list(files(project)) == ["adult_people.sql"]


def test_a_plan_writes_nothing(project: Project) -> None:
    brought(project, "goose")

    ran = project.dbkit("import", "goose", "old", "shop", "--plan")

    assert ran.returncode == 0
    assert ran.stdout.splitlines()[0] == "shop: 0001_create_posts.sql was 00001_create_posts"
    assert ran.stdout.endswith("shop: would write 3 migrations\n")
    assert files(project) == {}


def test_without_a_proof_no_server_is_needed(project: Project) -> None:
    brought(project, "sqlx")

    ran = project.dbkit(
        "import", "sqlx", "old", "shop", "--no-proof", SHOP_DATABASE_URL="postgresql:///?host=/no"
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("shop: wrote 2 migrations\n")


def test_a_difference_is_listed_and_the_files_stay(project: Project) -> None:
    # a setting of one file reaches the next with this tool, and does not here
    written(
        project,
        {
            "1_a.up.sql": "create schema app; set search_path = app; create table a (id int);",
            "2_b.up.sql": "create table b (id int);",
        },
    )

    ran = project.dbkit("import", "golang-migrate", "old", "shop")

    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "shop: psql with the old files and dbkit with the new ones do not agree at version 2:",
        "  table app.b is missing",
        "  table b is not expected",
        "shop: the files that were written stay where they are",
    ]
    assert list(files(project)) == ["0001_a.sql", "0002_b.sql"]


def test_old_files_that_psql_cannot_run_are_named(project: Project) -> None:
    written(
        project,
        {"1_a.up.sql": "create table a (id int);", "2_b.up.sql": "\n\nalter table b add x int;"},
    )

    ran = project.dbkit("import", "golang-migrate", "old", "shop")

    assert ran.returncode == 1
    assert ran.stderr.splitlines()[:2] == [
        "shop: psql with the old files and dbkit with the new ones do not agree at version 1:",
        (
            "  psql stops in the old files as well: old/2_b.up.sql:3: "
            'ERROR:  relation "b" does not exist'
        ),
    ]


def test_a_down_that_psql_cannot_run_is_named_and_is_no_difference(project: Project) -> None:
    written(
        project,
        {
            "1_a.up.sql": "create table a (id int);",
            "1_a.down.sql": "drop table b;",
            "2_b.up.sql": "alter table a add x int;",
            "2_b.down.sql": "alter table a drop x;",
        },
    )

    ran = project.dbkit("import", "golang-migrate", "old", "shop")

    assert ran.returncode == 0, ran
    assert ran.stdout.splitlines()[-2:] == [
        ('shop: psql stops in the old downs: old/1_a.down.sql:1: ERROR:  table "b" does not exist'),
        (
            "shop: psql with the old files and dbkit with the new ones make the same schema, "
            "up to version 2, and back to version 1"
        ),
    ]


def test_no_database_is_left_behind(project: Project) -> None:
    brought(project, "goose")
    before = project.rows("select datname from pg_database order by 1")

    project.dbkit("import", "goose", "old", "shop")

    assert project.rows("select datname from pg_database order by 1") == before


def test_what_alembic_would_write_is_asked_for_where_it_is_not_installed(project: Project) -> None:
    written(project, {"alembic.ini": "[alembic]\n"})

    ran = project.dbkit("import", "alembic", "old", "shop", PATH="/nowhere")

    message = refusal(ran)
    assert message.startswith("alembic is not installed here, ")
    assert "`alembic upgrade head --sql > up.sql`" in message
    assert message.endswith("dbkit import alembic FOLDER shop")


def test_alembic_itself_writes_the_sql_where_it_is_installed(project: Project) -> None:
    old = written(project, {"alembic.ini": "[alembic]\n"})
    (old / "versions").mkdir()
    (old / "versions" / "1975ea83b712_create_account.py").write_text("")
    program = project.root / "bin" / "alembic"
    program.parent.mkdir()
    # what the real one prints for these arguments stands in two files
    program.write_text(
        f'#!/bin/sh\ntest "$1 $2" = "-c alembic.ini" && test "$5" = --sql || exit 1\n'
        f'case "$3" in upgrade) cat {_FILES}/alembic/up.sql;;'
        f" downgrade) cat {_FILES}/alembic/down.sql;; esac\n"
    )
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"

    ran = project.dbkit("import", "alembic", "old", "shop", "--no-proof", PATH=path)

    assert ran.returncode == 0, ran
    assert "shop: 0001_create_account.sql was 1975ea83b712_create_account\n" in ran.stdout
    assert "drop function f();" in files(project)["0001_create_account.rollback.sql"]


def test_what_alembic_says_of_its_failure_is_told(project: Project) -> None:
    written(project, {"alembic.ini": "[alembic]\n"})
    program = project.root / "bin" / "alembic"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'FAILED: no env.py' >&2; exit 255\n")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"

    message = refusal(project.dbkit("import", "alembic", "old", "shop", PATH=path))

    assert message.startswith(
        "`alembic -c alembic.ini upgrade heads --sql` failed: FAILED: no env.py; "
    )
