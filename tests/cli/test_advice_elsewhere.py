"""What any other part of dbkit advises is followed as well, or stands here with its reason."""

import ast
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest
from click import Context
from psycopg import sql

import dbkit
from dbkit.cli.app import cli
from tests.cli.following import arguments_of, commands, follow, lost, project_file, rows
from tests.cli.test_advice import SITUATIONS
from tests.project import Project

_PACKAGE = Path(dbkit.__file__).parent
_TESTS = Path(__file__).parent.parent
_PRINTED = re.compile(rf"\bdbkit (?:{'|'.join(cli.list_commands(Context(cli)))})\b")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


class Advice(NamedTuple):
    """A situation, the command that tells of it, and what is right after the advice."""

    arrange: Callable[[Project], None]
    asked: str
    # what a person writes for a word in capitals
    given: Mapping[str, str] = {}
    # whether what was asked goes through when the advice was followed
    solved: bool = True


def _start(project: Project) -> None:
    project_file(project, '[tool.dbkit.systems.shop]\npackage = "shop.queries"\n')
    project.migration(
        "0001_orders",
        "create table orders (id integer primary key);\ninsert into orders values (1);\n",
        "drop table orders;",
    )


def _migrated(project: Project) -> None:
    _start(project)
    assert project.dbkit("migrate").returncode == 0


def _query(project: Project, text: str) -> None:
    path = project.root / "sql" / "shop" / "orders" / "list_all.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"-- :many\n{text}")


def _unmigrated(project: Project) -> None:
    _start(project)
    _query(project, "select id from orders order by id;\n")


def _half_undone(project: Project) -> None:
    _migrated(project)
    project.migration(
        "0002_more",
        "create table more ();",
        "-- transactional: false\ndrop table more;\nselect 1 / (select count(*) from orders);\n",
    )
    assert project.dbkit("migrate").returncode == 0
    with project.connect() as connection:
        connection.execute("delete from orders")
        assert project.dbkit("rollback", "shop").returncode == 1
        connection.execute("insert into orders values (1)")


def _generated(project: Project) -> None:
    _unmigrated(project)
    assert project.dbkit("migrate").returncode == 0
    assert project.dbkit("generate").returncode == 0


def _stale(project: Project) -> None:
    _generated(project)
    _query(project, "select id from orders order by id desc;\n")


def _drifted(project: Project) -> None:
    _generated(project)
    with project.connect() as connection:
        connection.execute("alter table orders alter column id type bigint")


def _gone(project: Project) -> None:
    _migrated(project)
    file = project.object("cheap", "create or replace view cheap as select id from orders;\n")
    assert project.dbkit("migrate").returncode == 0
    file.unlink()


def _replaced(project: Project) -> None:
    _migrated(project)
    project.object("cheap", "create or replace view cheap as select id from orders;\n")
    assert project.dbkit("migrate").returncode == 0
    with project.connect() as connection:
        connection.execute("create or replace view cheap as select id + 1 as id from orders")


def _needless(project: Project) -> None:
    _migrated(project)
    _query(project, "-- allow: pending, it is\nselect id from orders order by id;\n")
    assert project.dbkit("generate").returncode == 0


def _made_by_hand(project: Project) -> None:
    _start(project)
    project.migration("0002_items", "create table items ();", "drop table items;")
    with project.connect() as connection:
        connection.execute("create table orders (id integer primary key)")
        connection.execute("insert into orders values (1)")


def _made_otherwise(project: Project) -> None:
    _start(project)
    with project.connect() as connection:
        connection.execute("create table orders (id text)")


def _unknown_to_alembic(project: Project) -> None:
    _made_by_hand(project)
    with project.connect() as connection:
        connection.execute("create table alembic_version (version_num varchar(32) primary key)")
        connection.execute("insert into alembic_version values ('abc')")


def _hole_of_goose(project: Project) -> None:
    for number, table in enumerate(("orders", "items"), start=1):
        project.migration(
            f"{number:04}_{table}", f"-- was: {number}_{table}.sql\ncreate table {table} ();\n"
        )
    with project.connect() as connection:
        connection.execute("create table items ()")
        connection.execute(
            "create table goose_db_version (id serial, version_id bigint not null, "
            "is_applied boolean not null, tstamp timestamp default now())"
        )
        connection.execute(
            "insert into goose_db_version (version_id, is_applied) values (0, true), (2, true)"
        )


def _no_folder(project: Project) -> None:
    (project.root / "migrations" / "shop").rmdir()


def _of_goose(project: Project) -> None:
    path = project.root / "migrations" / "shop" / "00001_orders.sql"
    path.write_text("-- +goose Up\ncreate table orders ();\n-- +goose Down\ndrop table orders;\n")


def _sqlite(project: Project, *statements: str) -> None:
    _migrated(project)
    with closing(sqlite3.connect(project.root / "old.db")) as file, file:
        for statement in statements:
            file.execute(statement)


def _sqlite_of_more(project: Project) -> None:
    _sqlite(project, "create table orders (id integer)", "create table more (id integer)")
    with project.connect() as connection:
        connection.execute("truncate orders")


def _sqlite_of_misfits(project: Project) -> None:
    _sqlite(project, "create table orders (id text)")
    with closing(sqlite3.connect(project.root / "old.db")) as file, file:
        file.executemany("insert into orders values (?)", [(f"no {n}",) for n in range(30)])
    with project.connect() as connection:
        connection.execute("truncate orders")


def _too_low(project: Project) -> None:
    _migrated(project)
    project.migration("0002_items", "create table items ();", "drop table items;")
    assert project.dbkit("migrate").returncode == 0


def _pending(project: Project) -> None:
    _migrated(project)
    project.migration("0002_items", "create table items ();", "drop table items;")


def _failing(project: Project) -> None:
    _migrated(project)
    project.migration(
        "0002_items", "-- transactional: false\ncreate table items ();\nselect 1 / 0;\n"
    )


def _half_applied(project: Project) -> None:
    _failing(project)
    assert project.dbkit("migrate").returncode == 1


def _of_sqlc(project: Project) -> None:
    _migrated(project)
    path = project.root / "old" / "orders.sql"
    path.parent.mkdir()
    path.write_text("-- name: GetOrder :one\nselect id from orders where id = $1;\n")


def _of_sqlc_in_place(project: Project) -> None:
    _migrated(project)
    path = project.root / "sql" / "shop" / "orders.sql"
    path.write_text("-- name: GetOrder :one\nselect id from orders where id = $1;\n")


FOLLOWED: Mapping[str, Advice] = {
    "ledger.Interrupted, typed": Advice(_half_undone, "generate shop", solved=False),
    "NotCurrent": Advice(_stale, "generate shop --check"),
    "NoBackup": Advice(_migrated, "restore shop --into INTO"),
    "NoBackup, elsewhere": Advice(_migrated, "restore shop --into INTO --folder elsewhere"),
    "AlreadyOurs": Advice(_migrated, "adopt shop", solved=False),
    "UnknownOrigin": Advice(_unknown_to_alembic, "adopt shop", {"N": "1"}, solved=False),
    "OriginHasHole": Advice(_hole_of_goose, "adopt shop", solved=False),
    "NothingToAdopt": Advice(_start, "adopt shop", solved=False),
    "NotOurs": Advice(_made_otherwise, "adopt shop", solved=False),
    "OwnFolder": Advice(_of_goose, "import goose migrations/shop shop", solved=False),
    "NothingToResume": Advice(_migrated, "resume shop --done", solved=False),
    "HalfDone": Advice(_half_applied, "rollback shop", solved=False),
    "QueriesInPlace": Advice(_of_sqlc_in_place, "import-queries sqlc sql/shop shop", solved=False),
    "import_queries._print": Advice(_of_sqlc, "import-queries sqlc old shop", solved=False),
    "rules.pending": Advice(_pending, "check shop"),
    "rules.gone": Advice(_gone, "check shop"),
    "rules._needless": Advice(_needless, "check shop", solved=False),
    "system._package_state": Advice(_drifted, "check shop", solved=False),
    "adopt.command": Advice(_made_by_hand, "adopt shop --to 1", solved=False),
    "status._print": Advice(_replaced, "status"),
    "status._print, gone": Advice(_gone, "status"),
    "ledger.Interrupted": Advice(_half_undone, "status", solved=False),
    "generate._refuse_unmigrated": Advice(_unmigrated, "generate shop"),
    "failures._look_up": Advice(_failing, "migrate", solved=False),
    "steps.Steps": Advice(_failing, "migrate", solved=False),
    "files._look_into": Advice(_no_folder, "migrate", {"NAME": "first"}, solved=False),
    "status.find_repair": Advice(_pending, 'repair shop 2 --because "WHY"', solved=False),
    "runner.Runner": Advice(_too_low, "migrate --to 1", solved=False),
    "runner.Runner, back": Advice(_pending, "rollback shop --to 2"),
}
# each is followed by the test of that name, here or in its own place
ELSEWHERE = {
    "init.command": "test_the_project_passes_its_own_check_and_test",
    "NoProject": "test_nothing_is_overwritten",
    "NoName": "test_nothing_is_overwritten",
    "EditedQuery": "test_a_function_of_an_edited_query_is_right_again_when_it_is_generated",
    "UnknownTables": "test_an_option_that_a_refusal_names_is_added_as_it_stands",
    "DoesNotFit": "test_an_option_that_a_refusal_names_is_added_as_it_stands",
    "NothingTellsVersion": "test_the_option_that_keeps_from_looking_is_left_out",
    "ClusterGone": "test_a_server_is_not_reset_unasked",
    "OtherMajorVersion": "test_a_server_is_not_reset_unasked",
    "missingextensions._advice": "test_a_missing_extension_comes_from_other_programs",
    "missingextensions._elsewhere": "test_a_missing_extension_comes_from_other_programs",
    "basebranch._badly_numbered": (
        "test_what_the_base_branch_has_keeps_its_number_and_the_database_follows"
    ),
}
EXEMPT = {
    "ProjectIsThere": "dbkit new asks for a name that only a person knows, and writes files",
    "ForgottenUrl": "the URL is the person's to know, and what it names is a setting",
    "CannotListen": "the port or socket is the person's to choose, and nothing was begun",
    "DatabaseExists": "--into was given, or is wanted with a name that is the person's to choose",
    "NotEmptyTables": "it says that --replace removes the rows",
    "NoAlembic": "its command is for another machine; test_import.py imports what that writes",
    "NotForDevelopment": "--follow was given, and the settings are what is to be changed",
    "Locked": "--wait waits longer, and does nothing else",
    "UnwrittenMigration": "dbkit new is named as what made the file",
    "SeveralLedgers": "it is told to a caller of yoyo, who has no system that could be named",
    "app._stopped": "dbkit status reads",
    "force.command": "it is the command that was given",
    "migrate.command": "it is the command that was given, to the same version",
    "rollback.command": "it is the command that was given, to the same version",
    "monitor._read_earlier": "dbkit monitor is named as what made the file",
    "header._HeaderReader": "dbkit check is named as what knows the rules",
}


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts under a node, without what documents or declares it."""
    if isinstance(node, ast.JoinedStr):
        pieces = (piece.value if isinstance(piece, ast.Constant) else "…" for piece in node.values)
        yield "".join(map(str, pieces))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    passed_over: list[ast.AST] = []
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        passed_over += node.decorator_list
        passed_over += [line for line in node.body[:1] if isinstance(line, ast.Expr)]
    for child in ast.iter_child_nodes(node):
        if child not in passed_over:
            yield from _texts(child)


def _is_error(node: ast.ClassDef) -> bool:
    return any(
        isinstance(child, ast.FunctionDef) and child.name in {"__str__", "fault"}
        for child in node.body
    )


def _printing() -> set[str]:
    """Find every error, function and other class of dbkit whose text names a command."""
    found: set[str] = set()
    for path in _PACKAGE.rglob("*.py"):
        if "systems" in path.relative_to(_PACKAGE).parts:
            continue
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            texts = list(_texts(node))
            is_error = isinstance(node, ast.ClassDef) and _is_error(node)
            if any(map(_PRINTED.search, texts)) or (is_error and any(map(_OPTION.search, texts))):
                found.add(node.name if is_error else f"{path.stem}.{node.name}")
    return found


def test_every_text_that_names_a_command_is_followed_or_has_a_reason() -> None:
    known = {name.partition(",")[0] for name in (*SITUATIONS, *FOLLOWED, *ELSEWHERE, *EXEMPT)}

    unknown = sorted(_printing() - known)
    assert unknown == [], "follow it in FOLLOWED, or say in EXEMPT why not"
    assert sorted(known - _printing()) == []
    tests = "".join(path.read_text() for path in _TESTS.rglob("test_*.py"))
    assert [name for name in ELSEWHERE.values() if f"def {name}(" not in tests] == []


@pytest.fixture
def into(project: Project) -> Iterator[str]:
    """The name of a database that a restore makes, and that goes with the test."""
    name = f"restored_{uuid4().hex}"
    yield name
    with project.connect() as connection:
        connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))


@pytest.mark.parametrize("name", FOLLOWED)
def test_advice_that_is_followed_loses_nothing_and_leads_on(
    project: Project, into: str, name: str
) -> None:
    advice = FOLLOWED[name]
    advice.arrange(project)
    before = rows(project)

    asked = arguments_of(advice.asked, {"INTO": into})
    told = project.dbkit(*asked)
    printed = commands(told.stdout + told.stderr)

    assert printed, told
    for command in printed:
        follow(project, command, advice.given)
    again = project.dbkit(*asked)
    if advice.solved:
        assert again.returncode == 0, again
        assert set(commands(again.stdout + again.stderr)).isdisjoint(printed)
    assert not lost(before, rows(project))


@pytest.mark.parametrize(
    ("arrange", "right"), [(_sqlite_of_more, True), (_sqlite_of_misfits, False)]
)
def test_an_option_that_a_refusal_names_is_added_as_it_stands(
    project: Project, arrange: Callable[[Project], None], right: bool
) -> None:
    arrange(project)

    told = project.dbkit("import-sqlite", "shop", "old.db")
    [added] = re.findall(r"--\w+ \w+", told.stderr)
    again = project.dbkit("import-sqlite", "shop", "old.db", *added.split())

    assert told.returncode == 1
    assert (again.returncode == 0) is right, again
    assert right or len((project.root / "FILE").read_text().splitlines()) >= 30
    assert rows(project)["orders"] == []


def test_the_option_that_keeps_from_looking_is_left_out(project: Project) -> None:
    _made_by_hand(project)

    told = project.dbkit("adopt", "shop", "--no-check")
    looked = project.dbkit("adopt", "shop")

    assert "leave out --no-check" in told.stderr
    assert "recorded at version 1 of 2" in looked.stdout


def test_a_server_is_not_reset_unasked(on_the_embedded_server: Project) -> None:
    project = on_the_embedded_server
    _start(project)
    assert project.dbkit("migrate").returncode == 0
    assert project.dbkit("server", "stop").returncode == 0
    data = re.search(r"data: (\S+)\)", project.dbkit("server", "status").stdout)
    assert data is not None
    version = Path(data[1]) / "PG_VERSION"
    made_by = version.read_text()
    version.write_text("9\n")

    told = project.dbkit("status")
    [advised] = commands(told.stdout + told.stderr)
    followed = project.dbkit(*advised.split())
    version.write_text(made_by)

    assert advised == "server reset"
    assert "not confirmed, so nothing was done" in followed.stderr
    assert project.dbkit("call", "shop", "nothing.here").returncode == 1
    assert project.status()["version"] == 1


def test_the_url_that_was_given_is_in_every_command_that_is_advised(project: Project) -> None:
    _migrated(project)
    project.migration("0001_orders", "create table orders (id bigint);\n", "drop table orders;")
    (url, nowhere) = ("--url", project.url), {"SHOP_DATABASE_URL": "postgresql://127.0.0.1:1/no"}

    printed = [
        commands(ran.stdout + ran.stderr)
        for ran in (
            project.dbkit("status", "shop", *url, **nowhere),
            project.dbkit("status", "shop", "--json", *url, **nowhere),
            project.dbkit("check", "shop", *url, **nowhere),
            project.dbkit("check", "shop", "--json", *url, **nowhere),
            project.dbkit("migrate", "shop", f"--url={project.url}", **nowhere),
            project.dbkit("migrate", "shop", "--json", *url, **nowhere),
        )
    ]

    for advised in printed:
        assert advised
        for command in advised:
            ran = project.dbkit(*shlex.split(command), **nowhere)
            assert "127.0.0.1" not in ran.stdout + ran.stderr, command
    assert project.status()["problems"] == []


_CALL = """
import sys
import psycopg
from shop.queries import orders
with psycopg.connect(sys.argv[1]) as connection:
    print(orders.list_all(connection))
"""


def test_a_function_of_an_edited_query_is_right_again_when_it_is_generated(
    project: Project,
) -> None:
    _stale(project)
    call = [sys.executable, "-c", _CALL, project.url]
    paths = {**os.environ, "PYTHONPATH": str(_PACKAGE.parent)}

    told = subprocess.run(
        call, cwd=project.root, env=paths, capture_output=True, text=True, check=False
    )
    [advised] = commands(told.stderr)
    follow(project, advised)
    again = subprocess.run(
        call, cwd=project.root, env=paths, capture_output=True, text=True, check=False
    )

    assert "EditedQuery" in told.stderr
    assert (again.stdout, again.stderr) == ("[1]\n", "")
