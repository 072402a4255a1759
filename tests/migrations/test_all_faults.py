"""Every fault of every file is told in one run, in order, and nothing is run."""

import json

import pytest

from dbkit.migrations import MigrationFaults
from dbkit.migrations.errors import EditedMigration, MissingRollback, TransactionControl
from tests.cli.seen import contents, leftovers
from tests.project import Project

FOLDER = "migrations/shop"
CONTROL = (
    "does not belong in a migration, which dbkit runs in one transaction of its own; "
    "take it out, or put `-- transactional: false` on the first line"
)
# each with its place, its line and a caret, as a compiler tells them
FAULTS = [
    f"{FOLDER}/0002_control.sql:1:1: 'begin' {CONTROL}\nbegin;\n^",
    f"{FOLDER}/0002_control.sql:3:1: 'commit' {CONTROL}\ncommit;\n^",
    (
        f"{FOLDER}/0003_empty.sql: is as dbkit new made it; write the change, or say in its first "
        "line why there is none"
    ),
    (
        f"{FOLDER}/0004_mixed.sql:1:9: byte 0xe4 is not UTF-8; save the file as UTF-8\n"
        "select '\ufffd';\n        ^"
    ),
    (
        f"{FOLDER}/0004_mixed.sql:2:1: '\\echo' is a command of psql, and a migration is SQL "
        "alone; take it out\n\\echo loud\n^"
    ),
    (
        f"{FOLDER}/0004_mixed.sql:3:1: `-- transactional: false` has no effect after the first "
        "statement; move it to the top of the file\n-- transactional: false\n^"
    ),
    (
        f"{FOLDER}/0004_mixed.sql:4:8: the string that begins here is never closed; "
        "end it with '\nselect 'open;\n       ^"
    ),
    (
        f"{FOLDER}/0005_header.sql:1:1: `-- transactional: no` is neither true nor false; "
        "write `-- transactional: false`\n-- transactional: no\n^"
    ),
    (
        f"{FOLDER}/0005_header.sql:2:1: `-- depends: 0009_later` names 0009_later, and no earlier "
        "migration is called that; migrations run in the order of their numbers\n"
        "-- depends: 0009_later\n^"
    ),
    (
        "sql/shop/_objects/cheap.sql:1:1: '\\set' is a command of psql, and a migration is SQL "
        "alone; take it out\n\\set a b\n^"
    ),
]


@pytest.fixture
def faulty(project: Project) -> Project:
    """A project with one migration applied, and four pending ones that are all wrong."""
    project.migration("0001_orders", "create table orders (id integer);", "drop table orders;")
    assert project.dbkit("migrate").returncode == 0
    project.migration("0002_control", "begin;\nselect 1;\ncommit;\n")
    project.migration("0003_empty", "-- Why this change is made, in a sentence.\n\n")
    project.migration("0004_mixed", "").write_bytes(
        b"select '\xe4';\n\\echo loud\n-- transactional: false\nselect 'open;\n"
    )
    project.migration("0005_header", "-- transactional: no\n-- depends: 0009_later\nbegin;\n")
    project.object("cheap", "\\set a b\ncreate view cheap as select id from orders;\n")
    return project


@pytest.mark.parametrize("call", ["migrate", "migrate --plan"])
def test_all_faults_of_all_pending_files_are_told_in_one_run(faulty: Project, call: str) -> None:
    before = contents(faulty)

    ran = faulty.dbkit(*call.split())

    assert ran.returncode == 1
    assert ran.stderr == "".join(f"error: {fault}\n" for fault in FAULTS)
    assert contents(faulty) == before


def test_status_shows_all_of_them_with_their_lines(faulty: Project) -> None:
    ran = faulty.dbkit("status")

    assert ran.returncode == 3
    assert ran.stdout.partition("\n")[2].partition("\n")[2] == "".join(
        f"shop: {fault}\n" for fault in FAULTS
    )


def test_a_program_reads_each_of_them_with_the_number_of_its_migration(faulty: Project) -> None:
    status = faulty.status()

    assert status["problems"] == [
        {"kind": "file", "version": version, "message": fault.partition("\n")[0]}
        for version, fault in zip([2, 2, 3, 4, 4, 4, 4, 5, 5, None], FAULTS, strict=True)
    ]
    assert [pending["version"] for pending in status["pending"]] == [2, 3, 4, 5]


def test_check_finds_each_of_them(faulty: Project) -> None:
    [system] = json.loads(faulty.dbkit("check", "--json").stdout)["systems"]

    places = [
        ":".join(str(finding[key]) for key in ("path", "line", "column") if finding[key])
        for finding in system["findings"]
        if finding["kind"] == "file"
    ]
    assert places == [fault.partition(": ")[0] for fault in FAULTS]


def test_a_program_catches_one_error_that_holds_them_all(faulty: Project) -> None:
    with faulty.connect() as connection, pytest.raises(MigrationFaults) as caught:
        faulty.runner(connection).migrate()

    assert isinstance(caught.value.faults[0], TransactionControl)
    assert str(caught.value) == "\n".join(FAULTS)


def test_a_single_fault_keeps_its_own_class(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);\ncommit;")

    with project.connect() as connection, pytest.raises(TransactionControl):
        project.runner(connection).migrate()

    assert leftovers(project) == {}


def test_faults_of_the_folder_the_ledger_and_the_files_are_told_together(faulty: Project) -> None:
    faulty.migration("0001_orders", "create table orders (id bigint);")
    faulty.migration("later", "select 1;")
    faulty.migration("0007_gap", "select 1;")
    (faulty.root / FOLDER / "0008_python.py").write_text("")

    with faulty.connect() as connection, pytest.raises(MigrationFaults) as caught:
        faulty.runner(connection).plan_migrate()

    lines = str(caught.value).split("\n")
    assert [line.partition(": ")[0] for line in lines[:3]] == [
        f"{FOLDER}/0008_python.py",
        f"{FOLDER}/later.sql",
        f"{FOLDER}/0007_gap.sql",
    ]
    assert lines[3].startswith(f"{FOLDER}/0001_orders.sql was edited after it ran")
    assert lines[4:] == "\n".join(FAULTS).split("\n")


def test_all_edited_migrations_are_told_and_so_is_one_that_cannot_be_read(project: Project) -> None:
    for number in range(1, 4):
        project.migration(f"000{number}_table", f"create table table_{number} ();")
    project.dbkit("migrate")
    for number, text in ((1, "create table table_1 (id integer);"), (2, "'open"), (3, "select 3;")):
        project.migration(f"000{number}_table", text)

    problems = project.status()["problems"]

    assert [(problem["kind"], problem["version"]) for problem in problems] == [
        ("edited", 1),
        ("file", 2),
        ("edited", 3),
    ]
    with project.connect() as connection, pytest.raises(MigrationFaults) as caught:
        project.runner(connection).migrate()
    assert isinstance(caught.value.faults[0], EditedMigration)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize("plan", [True, False], ids=["plan", "run"])
def test_all_faults_of_all_rollbacks_are_told(project: Project, plan: bool) -> None:
    project.migration("0001_orders", "create table orders ();", "drop table orders;\ncommit;")
    project.migration("0002_items", "create table items ();", None)
    project.migration("0003_prices", "create table prices ();", "\\echo a\n\\echo b\n")
    project.dbkit("migrate")

    with project.connect() as connection:
        runner = project.runner(connection)
        roll_back = runner.plan_rollback if plan else runner.rollback
        with pytest.raises(MigrationFaults) as caught:
            roll_back(0)

    newest, after, missing, oldest = caught.value.faults
    assert [str(fault)[: len(f"{FOLDER}/0003")] for fault in (newest, after)] == [
        f"{FOLDER}/0003"
    ] * 2
    assert isinstance(missing, MissingRollback)
    assert isinstance(oldest, TransactionControl)
    assert project.status()["version"] == 3


def test_every_file_that_cannot_be_read_keeps_force_from_recording(project: Project) -> None:
    project.migration("0001_orders", "select 'open;")
    project.migration("0002_items", "").write_bytes(b"select '\xff';")

    ran = project.dbkit("force", "shop", "2")

    assert ran.returncode == 1
    assert ran.stderr.count("error: ") == 2
    assert leftovers(project) == {}


def test_every_object_file_that_names_an_unknown_one_is_told(project: Project) -> None:
    project.object("a", "-- after: b, nowhere\ncreate view a as select 1 as n;")
    project.object("b", "-- after: b\ncreate view b as select 1 as n;")
    project.object("c", "-- a file of words alone\n")

    ran = project.dbkit("migrate")

    assert ran.stderr == (
        "error: sql/shop/_objects/a.sql: is to come after 'nowhere', "
        "and there is no nowhere.sql beside it\n"
        "error: sql/shop/_objects/b.sql: is to come after itself\n"
        "error: sql/shop/_objects/c.sql: is to make one view, function, procedure, trigger or "
        "policy, or to grant and revoke alone, and makes none\n"
    )
