"""`dbkit import-sqlite` moves or refuses what SQLite lets through, and loses nothing in silence."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dbkit.operations import count_rows_of_file
from tests.cli.seen import refusal
from tests.project import Project

_THREE = "create table t (id integer, v text); insert into t values (1, 'a'), (2, 'b'), (2, 'c')"
_RAISE = """
create function refuse() returns trigger language plpgsql as
$$ begin if new.v = 'c' then raise 'no c'; end if; return new; end $$;
create trigger refuse before insert on t for each row execute function refuse();
"""


def moved(project: Project, ours: str, script: str, *rows: tuple[object, ...]) -> Path:
    """Make our tables and a SQLite file, whose table `t` gets the rows."""
    with project.connect() as connection:
        connection.execute(ours.encode())
    path = project.root / "old.db"
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript(script)
        for row in rows:
            file.execute(f"insert into t values ({', '.join('?' * len(row))})", row)
    return path


def faults(project: Project, path: Path, *options: str) -> list[str]:
    message = refusal(project.dbkit("import-sqlite", "shop", str(path), *options))
    return [line.strip() for line in message.splitlines()[1:]]


@pytest.mark.parametrize(
    ("ours", "message"),
    [
        (
            "create table t (id integer, v text); create unique index once on t (id)",
            "table t, row 3, column id: '2' is there twice (once)",
        ),
        (
            "create table t (id integer, v text, exclude (id with =))",
            "table t, row 3: conflicting key value violates exclusion constraint",
        ),
        (
            "create table t (id integer, v text); create unique index on t ((id / 2))",
            "table t, row 3: duplicate key value violates unique constraint",
        ),
        (f"create table t (id integer, v text); {_RAISE}", "table t, row 3: no c"),
        (
            (
                "create table t (id integer, v text) partition by list (id);"
                "create table one partition of t for values in (1)"
            ),
            'table t, row 2: no partition of relation "t" found for row',
        ),
        (
            "create table t (id integer, v text, check (t is null or id < 2))",
            'table t, row 2: new row for relation "t" violates check constraint',
        ),
    ],
    ids=["unique_index", "exclusion", "expression", "trigger", "partition", "whole_row"],
)
def test_what_only_the_table_itself_refuses_is_never_passed_over(
    project: Project, ours: str, message: str
) -> None:
    path = moved(project, ours, _THREE)

    [fault] = faults(project, path)

    assert fault.startswith(message)
    assert project.rows("select from t") == []


def test_what_a_role_may_not_fill_is_no_success(project: Project, reader_url: str) -> None:
    path = moved(project, "create table t (id integer, v text)", _THREE)

    message = refusal(project.dbkit("import-sqlite", "shop", str(path), "--url", reader_url))

    assert message.splitlines()[0] == "permission denied for table t"


def test_every_value_that_only_the_server_can_judge_is_named(project: Project) -> None:
    path = moved(
        project,
        "create type mood as enum ('fine'); create domain short as varchar(3) not null;"
        "create table t (id integer primary key, mood mood, at point, short short)",
        "create table t (id, mood, at, short)",
        (1, "fine", "(1,2)", "abc"),
        (2, "bad", "here", "abcd"),
        (3, "", None, None),
        (3, "worse", "(1,2)", "no"),
    )

    assert faults(project, path) == [
        "table t, row 2, column mood: 'bad' invalid input value for enum mood: \"bad\"",
        "table t, row 2, column at: 'here' invalid input syntax for type point: \"here\"",
        "table t, row 2, column short: 'abcd' value too long for type character varying(3)",
        "table t, row 3, column mood: '' invalid input value for enum mood: \"\"",
        "table t, row 3, column short: null is refused, because the column takes no null",
        "table t, row 4, column id: '3' is there twice (t_pkey)",
        "table t, row 4, column mood: 'worse' invalid input value for enum mood: \"worse\"",
    ]


def test_a_reference_that_is_looked_at_last_is_told_with_its_rows(project: Project) -> None:
    path = moved(
        project,
        "create table p (id integer primary key);"
        "create table t (id integer references p deferrable, v text)",
        f"{_THREE}; create table p (id); insert into p values (1)",
    )

    assert faults(project, path) == [
        f"table t, row {row}, column id: '2' refers to a row that p does not have (t_id_fkey)"
        for row in (2, 3)
    ]


def test_rows_that_the_file_does_not_bring_back_do_not_go_with_the_others(project: Project) -> None:
    path = moved(
        project,
        "create table t (id integer primary key, v text); insert into t values (1, 'old');"
        "create table bills (id integer references t on delete cascade);"
        "insert into bills values (1)",
        "create table t (id, v); insert into t values (1, 'new')",
    )

    message = refusal(project.dbkit("import-sqlite", "shop", str(path), "--replace"))

    assert message.startswith("bills has rows that would be removed or changed with those of t, ")
    assert project.rows("select v, (select count(*) from bills) from t") == [("old", 1)]


def test_numbers_are_read_exactly(project: Project) -> None:
    path = moved(
        project,
        "create table t (a bigint, b numeric(40, 5), c numeric(5, -2), d numeric(2, 4), "
        "e double precision)",
        "create table t (a text, b text, c text, d text, e text)",
        ("9007199254740993.0", "123456789012345678901234567890123.5", "1234567", "0.00994", "1e9"),
        ("-9223372036854775808", "1e-99999", "-9999949", "1e-9", "inf"),
    )

    ran = project.dbkit("import-sqlite", "shop", str(path))

    assert ran.returncode == 0, ran.stderr
    assert project.rows("select a, b::text, c::text, d::text, e from t order by a desc") == [
        (9007199254740993, "123456789012345678901234567890123.50000", "1234600", "0.0099", 1e9),
        (-9223372036854775808, "0.00000", "-9999900", "0.0000", float("inf")),
    ]


def test_what_is_a_number_to_python_alone_is_none(project: Project) -> None:
    path = moved(
        project,
        "create table t (a bigint, b numeric(5, -2), c numeric(2, 4), e double precision)",
        "create table t (a text, b text, c text, e text)",
        ("1_000", "9999950", "0.00999", "1e400"),
        ("1e99999", "1e99999", "0.01", "1_0"),
        (None, "1_000", "inf", None),
    )

    assert faults(project, path) == [
        "table t, row 1, column a: '1_000' is not an integer",
        "table t, row 1, column b: '9999950' has more than 7 digits before the point",
        "table t, row 1, column c: '0.00999' has more than -2 digits before the point",
        "table t, row 1, column e: '1e400' is out of range",
        "table t, row 2, column a: '1e99999' is out of range, at most 9223372036854775807",
        "table t, row 2, column b: '1e99999' has more than 7 digits before the point",
        "table t, row 2, column c: '0.01' has more than -2 digits before the point",
        "table t, row 2, column e: '1_0' is not a number",
        "table t, row 3, column b: '1_000' is not a number",
        "table t, row 3, column c: 'inf' has more than -2 digits before the point",
    ]


def test_keys_that_no_sequence_gives_leave_it_where_it_is(project: Project) -> None:
    path = moved(
        project,
        "create table t (id serial, v text)",
        "create table t (id, v); insert into t values (0, 'a'), (-5, 'b')",
    )

    ran = project.dbkit("import-sqlite", "shop", str(path))

    assert ran.returncode == 0, ran.stderr
    assert project.rows("insert into t default values returning id") == [(1,)]


def test_json_keeps_what_jsonb_cannot(project: Project) -> None:
    path = moved(
        project,
        "create table t (a json, b jsonb)",
        "create table t (a, b)",
        (r'"\u0000"', r'"\\u0000"'),
        (None, r'"\u0000"'),
    )

    [fault] = faults(project, path)

    assert fault.startswith("table t, row 2, column b: ")


def test_capitals_do_not_matter_as_they_do_not_to_sqlite(project: Project) -> None:
    path = moved(
        project,
        'create table t (id integer, "V" text)',
        "create table T (ID integer, v text); insert into T values (1, 'a')",
    )

    ran = project.dbkit("import-sqlite", "shop", str(path))

    assert ran.returncode == 0, ran.stderr
    assert project.rows("select * from t") == [(1, "a")]


def test_tables_are_found_on_the_whole_search_path(project: Project) -> None:
    path = moved(
        project,
        'create schema "App"; create table "App".t (id integer, v text);'
        "create table public.p (id integer)",
        f"{_THREE}; create table p (id); insert into p values (7)",
    )
    url = f'{project.url}&options=-csearch_path%3D"App",public'

    ran = project.dbkit("import-sqlite", "shop", str(path), "--url", url)

    assert ran.returncode == 0, ran.stderr
    assert project.rows('select count(*), (select id from p) from "App".t') == [(3, 7)]


def test_all_that_is_to_be_left_out_is_named_at_once(project: Project) -> None:
    path = moved(project, "create table t (id integer, v text)", _THREE)
    with closing(sqlite3.connect(path)) as file:
        file.executescript("create table a (id); create table b (id);")

    message = refusal(project.dbkit("import-sqlite", "shop", str(path)))

    assert message == ("the database has no table for a, b; leave them out with --skip a --skip b")


def test_a_file_that_sqlite_cannot_read_is_told_in_a_sentence(project: Project) -> None:
    path = moved(project, "create table t (id integer, v text)", _THREE)
    path.write_bytes(path.read_bytes()[:100])

    message = refusal(project.dbkit("import-sqlite", "shop", str(path)))

    assert message == f"SQLite cannot read {path}: database disk image is malformed"


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """A folder that we may read, with a file in WAL mode, and not write into."""
    # not in pytest's own folder, which nobody but its owner may enter
    folder = Path(tempfile.mkdtemp(prefix="dbkit-locked-"))
    with closing(sqlite3.connect(folder / "wal.db")) as file:
        file.execute("pragma journal_mode = wal")
        file.executescript(_THREE)
    folder.chmod(0o555)
    before = os.getresuid()
    if before[0] == 0:
        # root writes everywhere
        os.setresuid(65534, 65534, 0)
    yield folder
    os.setresuid(*before)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_file_in_wal_mode_is_read_where_nothing_can_be_written(locked_folder: Path) -> None:
    rows = count_rows_of_file(locked_folder / "wal.db")

    assert rows == 3
