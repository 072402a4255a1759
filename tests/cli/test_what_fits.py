"""`dbkit import-sqlite --what-fits` imports the rows that fit, and names each of the others."""

import json
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from dbkit.cli.app import cli
from dbkit.operations import SqliteFile, import_what_fits
from tests.cli.seen import refusal
from tests.conftest import ROOT
from tests.project import Project

# the tables of the document, as SQLite lets a development database have them
_STUDIO = """
create table sessions (
    session_id text primary key, user_mission, status, current_phase, created_at, updated_at,
    iteration_count, qa_passed, metadata
);
create table checkpoints (
    id integer primary key, thread_id, checkpoint_id, parent_checkpoint_id, checkpoint_data,
    created_at
);
create table artifacts (
    id integer primary key, session_id, artifact_type, file_path, content_hash, version
);
create table prompt_versions (
    id integer primary key, profile_name, version_number, prompt_content, is_active
);
create table audit_log (id integer primary key, event_type, session_id, ip_address);
create table metrics (id integer primary key, metric_name, metric_value, labels, recorded_at);
"""
_A, _B = "A" * 64, "b" * 64


@pytest.fixture
def studio(
    softwarestudio: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Import the file of `write`, with the options given, into softwarestudio's database."""
    info = softwarestudio.info
    url = f"host={info.host} port={info.port} user={info.user} dbname={info.dbname}"
    monkeypatch.chdir(ROOT)
    arguments = ["import-sqlite", "softwarestudio", str(tmp_path / "old.db"), "--url", url]
    return lambda *options: CliRunner().invoke(cli, [*arguments, "--what-fits", *options])


def write(folder: Path, script: str, *rows: tuple[str, tuple[object, ...]]) -> Path:
    """Write a SQLite file; each of the rows goes into the table that it names."""
    path = folder / "old.db"
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript(script)
        for table, row in rows:
            file.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)
    return path


def told(ran: Result) -> list[str]:
    """Return what was said of single rows."""
    return [line.strip() for line in ran.output.splitlines() if line.startswith("  table ")]


def test_each_row_of_an_old_studio_is_imported_or_named(
    softwarestudio: psycopg.Connection, tmp_path: Path, studio: Callable[..., Result]
) -> None:
    at = "2026-01-01 10:00:00"
    write(
        tmp_path,
        _STUDIO,
        ("sessions", ("s1", "a game", "completed", "complete", at, None, None, "yes", None)),
        ("sessions", ("s2", "a clock", "paused", "pm", at, at, 0, 0, "{}")),
        ("sessions", ("s3", "a\0b", "pending", "pm", at, at, 0, 0, "{}")),
        ("sessions", ("s4", "a toy", "pending", "pm", "1767261600", at, 2**40, 0, "{")),
        ("sessions", ("S1", "in capitals", "pending", "pm", 1767261600.5, at, "1", 0, "{}")),
        # late: its parent comes after it
        ("checkpoints", (1, "s1", "c2", "c1", "{}", at)),
        ("checkpoints", (2, "s1", "c1", None, "{}", at)),
        ("checkpoints", (3, "s1", "c3", "gone", "{}", at)),
        ("checkpoints", (4, "s1", "c4", None, "NaN", at)),
        ("checkpoints", (5, "s1", "c5", "c4", "{}", at)),
        ("checkpoints", (6, "s1", "c2", None, "{}", at)),
        ("checkpoints", (7, "s1", "c7", "c7", r'"\u0000"', at)),
        ("artifacts", (1, "s1", "prd", "a.md", _A, 1)),
        ("artifacts", (2, "s9", "prd", "a.md", _B, 1)),
        ("artifacts", (3, "s1", "prd", "a.md", _B, None)),
        ("artifacts", (4, "s2", "prd", "a.md", _B, "one")),
        ("prompt_versions", (1, "pm", 1, "old", 1)),
        ("prompt_versions", (2, "pm", 2, "new", 1)),
        ("audit_log", (1, "agent_started", "gone", "999.1.1.1")),
        ("audit_log", (2, "agent_started", "gone", "::1")),
        ("metrics", (1, "m", None, "{}", at)),
        ("metrics", (2, "m", float("inf"), None, at)),
        ("metrics", (3, "m", b"1", "{}", at)),
    )

    ran = studio("--change", "artifacts.content_hash=lower(content_hash)")

    assert ran.exit_code == 1
    assert str(ran.exception).startswith(f"14 rows of {tmp_path / 'old.db'} did not fit, and all ")
    refused, changed = [
        [line for line in told(ran) if (" became " in line) is is_changed]
        for is_changed in (False, True)
    ]
    assert refused == [
        "table audit_log, row 1, column ip_address: '999.1.1.1' is not an IP address",
        (
            "table checkpoints, row 4, column checkpoint_data: 'NaN' is not JSON: "
            "NaN is no JSON number"
        ),
        (
            "table checkpoints, row 5, column thread_id, parent_checkpoint_id: 's1, c4' refers to "
            "a row that checkpoints does not have (checkpoints_parent_fkey)"
        ),
        (
            "table checkpoints, row 6, column thread_id, checkpoint_id: 's1, c2' is there twice "
            "(checkpoints_thread_id_checkpoint_id_key)"
        ),
        (
            "table checkpoints, row 7, column checkpoint_data: '\"\\\\u0000\"' contains a NUL "
            "character, which PostgreSQL does not store in jsonb"
        ),
        (
            "table metrics, row 1, column metric_value: null is refused, because the column takes "
            "no null"
        ),
        "table metrics, row 3, column metric_value: b'1' is not a number",
        (
            "table prompt_versions, row 2: duplicate key value violates unique constraint "
            '"prompt_versions_active_key"; Key (profile_name)=(pm) already exists.'
        ),
        refused[8],
        (
            "table sessions, row 3, column user_mission: 'a\\x00b' contains a NUL character, "
            "which PostgreSQL does not store in text"
        ),
        (
            "table sessions, row 4, column iteration_count: 1099511627776 is out of range, "
            "at most 2147483647"
        ),
        refused[11],
        (
            "table artifacts, row 2, column session_id: 's9' refers to a row that sessions does "
            "not have (artifacts_session_id_fkey)"
        ),
        (
            "table artifacts, row 3, column session_id, artifact_type, file_path, version: "
            "'s1, prd, a.md, 1' is there twice (artifacts_version_key)"
        ),
        "table artifacts, row 4, column version: 'one' is not an integer",
    ]
    assert refused[8].startswith("table sessions, row 2, column status: 'paused' is refused by ")
    assert refused[11].startswith("table sessions, row 4, column metadata: '{' is not JSON: ")
    assert [line for line in changed if "updated_at" not in line] == [
        (
            "table checkpoints, row 3, column parent_checkpoint_id: 'gone' became null: "
            "checkpoints has no such row (checkpoints_parent_fkey)"
        ),
        "table metrics, row 2, column labels: null became '{}'",
        "table sessions, row 1, column iteration_count: null became '0'",
        "table sessions, row 1, column metadata: null became '{}'",
        f"table artifacts, row 1, column content_hash: {_A!r} became {_A.lower()!r}",
    ]
    checkpoints = "select checkpoint_id, parent_checkpoint_id from checkpoints order by id"
    assert softwarestudio.execute(checkpoints).fetchall() == [
        ("c2", "c1"),
        ("c1", None),
        ("c3", None),
    ]


def test_a_second_run_goes_on_with_what_was_mended_and_imports_nothing_twice(
    softwarestudio: psycopg.Connection, tmp_path: Path, studio: Callable[..., Result]
) -> None:
    at = "2026-01-01"
    path = write(
        tmp_path,
        _STUDIO,
        ("sessions", ("s1", "a game", "running", "pm", None, None, None, 0, None)),
        ("sessions", ("s2", "a clock", "paused", "pm", at, at, 0, 0, "{}")),
        ("checkpoints", (1, "s1", "c2", "gone", "{}", at)),
        ("artifacts", (1, "s1", "prd", "a.md", _A, 1)),
        ("artifacts", (2, "s2", "prd", "a.md", _B, 1)),
        ("metrics", (1, "m", None, None, at)),
    )
    changes = (
        "--change",
        "artifacts.content_hash=lower(content_hash)",
        "--change",
        "metrics.metric_value=coalesce(metric_value, 0)",
    )
    first = studio(*changes)
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("update sessions set status = 'pending' where status = 'paused'")

    second = studio(*changes, "--json")
    third = studio(*changes)

    assert first.exit_code == 1
    assert json.loads(second.output) == {
        "name": "softwarestudio",
        "rows": {
            "audit_log": 0,
            "checkpoints": 0,
            "metrics": 0,
            "prompt_versions": 0,
            "sessions": 1,
            "artifacts": 1,
        },
        "known": {
            "audit_log": 0,
            "checkpoints": 1,
            "metrics": 1,
            "prompt_versions": 0,
            "sessions": 1,
            "artifacts": 1,
        },
        "changed": [],
        "refused": [],
        "kept": True,
    }
    assert third.exit_code == 0, third.output
    assert told(third) == []
    hashes = softwarestudio.execute("select content_hash from artifacts order by id")
    assert hashes.fetchall() == [(_A.lower(),), (_B,)]


def test_what_a_run_that_was_stopped_has_imported_stays(project: Project) -> None:
    project.migration(
        "0001_t",
        "create table a (id integer primary key); create table b (id integer primary key)",
    )
    project.dbkit("migrate")
    path = write(project.root, "create table a (id); create table b (id)", ("a", (1,)), ("b", (1,)))
    with project.connect() as connection:
        connection.autocommit = True
        stopped = import_what_fits(connection, SqliteFile(path))
        next(stopped)
        stopped.close()
    counts = "select (select count(*) from a), (select count(*) from b)"
    after = project.rows(counts)

    ran = project.dbkit("import-sqlite", "shop", str(path), "--what-fits")

    assert after == [(1, 0)]
    assert ran.stdout == "shop: a took 0 rows; 1 were there\nshop: b took 1 row\n"


def test_a_run_that_is_terminated_ends_its_statement_and_says_only_that(project: Project) -> None:
    project.migration("0001_t", "create table t (id integer primary key, v text)")
    project.dbkit("migrate")
    path = write(project.root, "create table t (id, v)", ("t", (1, "a")))
    arguments = ("import-sqlite", "shop", str(path), "--what-fits", "--change")
    sleeping = (
        "select 1 from pg_stat_activity "
        "where state = 'active' and datname = current_database() and wait_event = 'PgSleep'"
    )

    running = project.start(*arguments, "t.v=pg_sleep(600)::text")
    while not project.rows(sleeping):
        assert running.poll() is None
    running.terminate()
    _, err = running.communicate(timeout=60)

    assert running.returncode == 128 + signal.SIGTERM
    assert err.splitlines()[-1] == "error: stopped; dbkit status shows where the database stands"
    assert "ignored" not in err
    assert project.rows(sleeping) == []
    assert project.rows("select from t") == []


def test_a_row_of_the_database_is_never_changed(project: Project) -> None:
    project.migration(
        "0001_t", "create table t (id integer primary key, v text, w text unique, x text)"
    )
    project.dbkit("migrate")
    with project.connect() as connection:
        connection.execute("insert into t values (1, 'ours', 'a', 'b'), (2, 'ours', 'c', null)")
    path = write(
        project.root,
        "create table t (id, v, w, x)",
        ("t", (1, "theirs", "a", "y")),
        ("t", (2, "ours", "c", None)),
        ("t", (3, "theirs", "c", None)),
    )

    ran = project.dbkit("import-sqlite", "shop", str(path), "--what-fits")

    assert ran.stdout == "shop: t took 0 rows; 2 did not fit; 1 were there\n"
    assert [line.strip() for line in ran.stderr.splitlines()[:2]] == [
        "table t, row 1: the database has a row with the same id and another v, x",
        "table t, row 3, column w: 'c' is the key of another row of t (t_w_key)",
    ]
    assert project.rows("select v from t order by id") == [("ours",), ("ours",)]


def test_what_only_the_table_refuses_keeps_no_other_row_out(project: Project) -> None:
    project.migration(
        "0001_t",
        "create type mood as enum ('fine');"
        "create table t (id integer primary key, parent integer references t, mood mood);"
        "create function refuse() returns trigger language plpgsql as "
        "$$ begin if new.id % 10 = 0 then raise 'no tens'; end if; return new; end $$;"
        "create trigger refuse before insert on t for each row execute function refuse();",
    )
    project.dbkit("migrate")
    path = write(
        project.root,
        # each refers to the next one, and comes before it
        "create table t (id, parent, mood);"
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 29) "
        "insert into t select i, case when i % 10 < 8 then i + 1 end, 'fine' from n;"
        "insert into t values (31, null, 'bad'), (32, 31, 'fine')",
    )

    ran = project.dbkit("import-sqlite", "shop", str(path), "--what-fits", "--report", "report")

    assert ran.stdout == "shop: t took 27 rows; 4 did not fit\n", ran.stderr
    assert (project.root / "report").read_text().splitlines() == [
        "table t, row 10: no tens",
        "table t, row 20: no tens",
        "table t, row 30, column mood: 'bad' invalid input value for enum mood: \"bad\"",
        (
            "table t, row 31, column parent: '31' refers to a row that t does not have "
            "(t_parent_fkey)"
        ),
    ]


def test_a_plan_names_what_would_not_fit_and_imports_nothing(
    softwarestudio: psycopg.Connection, tmp_path: Path, studio: Callable[..., Result]
) -> None:
    write(
        tmp_path,
        _STUDIO,
        ("sessions", ("s1", "a game", "running", "pm", 0, 0, 0, 0, "{}")),
        ("sessions", ("s2", None, "running", "pm", 0, 0, 0, 0, "{}")),
        ("artifacts", (1, "s1", "prd", "a.md", _B, 1)),
    )

    ran = studio("--plan")

    assert ran.exit_code == 1
    assert "softwarestudio: sessions would take 1 row; 1 did not fit" in ran.output
    assert "softwarestudio: artifacts would take 1 row\n" in ran.output
    assert "did not fit, and all others fit; " in str(ran.exception)
    assert softwarestudio.execute("select from sessions").fetchall() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("t.v=nothing(v)", "t.v cannot be changed on the way: function nothing(text) does not"),
        ("t.w=v", "t.w cannot be changed on the way: the file fills no column of this name"),
        ("v=lower(v)", "Invalid value for '--change': 'v=lower(v)' is not TABLE.COLUMN=EXPRESSION"),
    ],
)
def test_a_change_that_cannot_be_made_is_told_in_a_sentence(
    project: Project, change: str, message: str
) -> None:
    project.migration("0001_t", "create table t (id integer primary key, v text)")
    project.dbkit("migrate")
    path = write(project.root, "create table t (id, v)", ("t", (1, "a")))

    ran = project.dbkit("import-sqlite", "shop", str(path), "--what-fits", "--change", change)

    assert message in ran.stderr
    assert project.rows("select from t") == []


def test_rows_without_a_key_are_imported_into_an_empty_table_alone(project: Project) -> None:
    project.migration("0001_t", "create table t (v text)")
    project.dbkit("migrate")
    path = write(project.root, "create table t (v)", ("t", ("a",)), ("t", ("a",)))

    first = project.dbkit("import-sqlite", "shop", str(path), "--what-fits")
    message = refusal(project.dbkit("import-sqlite", "shop", str(path), "--what-fits"))

    assert first.stdout == "shop: t took 2 rows\n"
    assert message.startswith("t already has rows")
