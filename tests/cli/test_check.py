"""`dbkit check`: all that is wrong, told once, to a person and to a program."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from dbkit.check import RULES
from tests.cli.seen import contents, refusal
from tests.project import Project

NOWHERE = "postgresql://nobody@localhost:1/nothing"
_CHECKING = """
select
from pg_stat_activity
where datname = current_database() and application_name like 'dbkit %'
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """The project with a table and one right query, migrated and generated."""
    (project.root / "pyproject.toml").write_text(
        '[tool.dbkit.systems.shop]\npackage = "shop.queries"\n'
    )
    project.migration(
        "0001_orders", "create table orders (id integer primary key, note text not null, sum int);"
    )
    _query(
        project,
        "find",
        "-- :optional\nselect id, note, sum from orders where id = :'id'\n"
        "\\if :{?note}\nand note = :'note'\n\\endif\n;\n",
    )
    project.dbkit("migrate")
    project.dbkit("generate")
    return project


def _query(project: Project, name: str, text: str) -> Path:
    path = project.root / "sql" / "shop" / "orders" / f"{name}.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_what_is_right_ends_with_0_and_a_line_of_totals(shop: Project) -> None:
    ran = shop.dbkit("check")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == ("shop: 1 query, 2 combinations, 3 columns (1 may be null): no findings\n")


def test_findings_end_with_1_and_stand_as_a_compiler_writes_them(shop: Project) -> None:
    _query(shop, "list_all", "-- :many\nselect id,\n  missing\nfrom orders;\n")
    _query(shop, "list_some", "select id from orders;\n")

    ran = shop.dbkit("check")

    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout.splitlines() == [
        (
            "shop/queries: not current: shop/orders/list_all.sql is new; "
            "run dbkit generate shop [stale-package]"
        ),
        (
            "shop/queries: not current: shop/orders/list_some.sql is new; "
            "run dbkit generate shop [stale-package]"
        ),
        'sql/shop/orders/list_all.sql:3:3: column "missing" does not exist [broken-statement]',
        "  missing",
        "  ^",
        (
            "sql/shop/orders/list_some.sql:1:1: the query does not say how much comes back; "
            "add a line `-- :many` above it "
            "(or :one, :optional, :stream, :exec, :batch, :copy) [query-file]"
        ),
        "select id from orders;",
        "^",
        "shop: 2 queries, 3 combinations, 1 of them typed: 4 findings",
    ]


def test_a_warning_stands_apart_and_is_no_reason_to_fail(shop: Project) -> None:
    _query(shop, "find_by_note", "-- :optional\nselect id from orders where note = :'note';\n")
    shop.dbkit("generate")

    ran = shop.dbkit("check")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        (
            "sql/shop/orders/find_by_note.sql:2: warning: :optional, but more than one row "
            "may come back: no unique key is fixed by equality [uncertain]"
        ),
        "shop: 2 queries, 3 combinations, 4 columns (1 may be null): no findings, 1 warning",
    ]


def test_a_database_that_changed_under_unchanged_files_is_found(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("alter table orders alter note drop not null")

    ran, current = shop.dbkit("check"), shop.dbkit("generate", "--check")

    assert (ran.returncode, current.returncode) == (1, 0)
    assert ran.stdout.splitlines()[0] == (
        "shop/queries/orders.py: column note is text now, and was text not null when this was "
        "generated; run dbkit generate shop [drift]"
    )


def test_an_edited_migration_is_told_in_the_sentence_of_status(shop: Project) -> None:
    shop.migration("0001_orders", "create table orders (id bigint);")

    ran = shop.dbkit("check")

    assert ran.returncode == 1
    assert ran.stdout.startswith("shop: migrations/shop/0001_orders.sql was edited after it ran (")


def test_a_program_reads_the_documented_keys(shop: Project) -> None:
    _query(shop, "list_all", "-- :many\nselect missing from orders;\n")

    ran = shop.dbkit("check", "--json")

    answer = json.loads(ran.stdout)
    [system] = answer["systems"]
    generated, statement = system.pop("findings")
    assert (ran.returncode, ran.stderr, answer.keys()) == (1, "", {"systems"})
    assert system == {
        "name": "shop",
        "queries": 2,
        "typed": 1,
        "combinations": 3,
        "columns": 3,
        "nullable": 1,
        "unproven": 0,
        "asserted": 0,
        "warnings": [],
    }
    assert (generated["kind"], generated["path"]) == ("generated", "shop/queries")
    assert statement == {
        "rule": "broken-statement",
        "kind": "statement",
        "path": "sql/shop/orders/list_all.sql",
        "line": 2,
        "column": 8,
        "query": "orders.list_all",
        "message": 'column "missing" does not exist',
    }


def test_check_changes_nothing(shop: Project) -> None:
    shop.migration("0002_more", "create table more (id integer);")
    before = contents(shop), sorted(shop.root.rglob("*"))

    shop.dbkit("check")

    assert (contents(shop), sorted(shop.root.rglob("*"))) == before


def test_a_database_that_was_never_made_is_not_made(on_the_embedded_server: Project) -> None:
    project = on_the_embedded_server
    (project.root / "pyproject.toml").write_text(
        "[tool.dbkit.systems.shop]\n[tool.dbkit.systems.blog]\n"
    )
    project.migration("0001_orders", "create table orders (id integer);")

    ran = project.dbkit("check", "shop")

    assert ran.returncode == 1
    assert ran.stdout == (
        "migrations/shop/0001_orders.sql: 0001_orders is pending; "
        "run dbkit migrate shop [pending]\n"
        "shop: 0 queries, 0 combinations, 0 columns (0 may be null): 1 finding\n"
    )
    with psycopg.connect(project.dbkit("url", "blog").stdout.strip()) as connection:
        made = connection.execute("select from pg_database where datname = 'shop'").fetchall()
    assert made == []


def test_one_system_that_cannot_be_reached_does_not_hide_the_others(shop: Project) -> None:
    (shop.root / "pyproject.toml").write_text(
        "[tool.dbkit.systems.blog]\n[tool.dbkit.systems.shop]\n"
    )
    (shop.root / "migrations/blog").mkdir()

    ran = shop.dbkit("check", BLOG_DATABASE_URL=NOWHERE)

    first, blog, last = ran.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (1, "")
    assert first.startswith("blog: cannot connect to postgresql://nobody@localhost:1/nothing")
    assert blog == "blog: 0 queries, 0 combinations, 0 columns (0 may be null): 1 finding"
    assert last == "shop: 1 query, 2 combinations, 3 columns (1 may be null): no findings"


def test_a_url_is_of_one_system(shop: Project) -> None:
    ran = shop.dbkit("check", "shop", "--url", shop.url, SHOP_DATABASE_URL=NOWHERE)

    assert ran.returncode == 0


def test_an_unknown_system_is_told_the_nearest(shop: Project) -> None:
    ran = shop.dbkit("check", "shpo")

    assert refusal(ran) == "unknown system 'shpo'; did you mean 'shop'; known systems: shop"


def test_a_rule_is_explained_without_a_database(shop: Project) -> None:
    ran = shop.dbkit("check", "--explain", "unordered", SHOP_DATABASE_URL=NOWHERE)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (
        "unordered (warning)\n"
        "\n"
        "Without `order by` PostgreSQL gives the rows in whatever order it finds them,\n"
        "and that changes with the data, the plan and the version.\n"
        "\n"
        "The way out: End the outermost query with `order by` and a unique column last;\n"
        "rows of `returning` can only be ordered around it, as in `with changed as\n"
        "(update … returning …) select … from changed order by …`; where the order means\n"
        "nothing, write `-- allow: unordered, reason` in the header.\n"
        "\n"
        "Needs: a query that an up-to-date database accepts.\n"
        "\n"
        "For example:\n"
        "    -- Orders.\n"
        "    -- :many\n"
        "    select id, note from orders;\n"
    )


def test_explaining_starts_no_server(on_the_embedded_server: Project) -> None:
    ran = on_the_embedded_server.dbkit("check", "--explain", "drift")

    assert ran.returncode == 0
    assert ran.stdout.endswith("generated; run dbkit generate shop [drift]\n")
    assert not (on_the_embedded_server.root / ".dbkit").exists()


def test_all_rules_are_listed(shop: Project) -> None:
    ran = shop.dbkit("check", "--explain")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split()[:2] for line in ran.stdout.splitlines()] == [
        [rule.name, rule.severity] for rule in RULES
    ]


def test_an_unknown_rule_is_told_the_nearest_and_all(shop: Project) -> None:
    ran = shop.dbkit("check", "--explain", "unorderd")

    names = ", ".join(rule.name for rule in RULES)
    assert refusal(ran) == (
        f"unknown rule 'unorderd'; did you mean 'unordered'; known rules: {names}"
    )


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_leaves_nothing_behind(shop: Project) -> None:
    with shop.connect() as connection, connection.transaction():
        connection.execute("lock table orders in access exclusive mode")
        checking = shop.start("check")
        _wait_for(shop, "select from pg_locks where not granted", there=True)

        checking.send_signal(signal.SIGINT)
        out, message = checking.communicate(timeout=30)
        _wait_for(shop, _CHECKING, there=False)

    assert checking.returncode == 130
    assert (out, "Traceback" in message) == ("", False)
    assert shop.rows("select from pg_proc where proname like 'dbkit%'") == []


def test_what_lasts_longer_than_a_second_is_shown_on_a_terminal(shop: Project) -> None:
    ours, theirs = pty.openpty()
    with shop.connect() as connection, connection.transaction():
        connection.execute("lock table orders in access exclusive mode")
        checking = subprocess.Popen(
            [sys.executable, "-m", "dbkit", "check"],
            cwd=shop.root,
            env={**os.environ, "SHOP_DATABASE_URL": shop.url, "TERM": "xterm"},
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        )
        # ours is at its end as soon as the command is
        os.close(theirs)
        seen = b""
        deadline = time.monotonic() + 30
        while b"shop: orders.find (1 of 1)" not in seen:
            assert time.monotonic() < deadline, seen
            seen += os.read(ours, 4096)
    out, _ = checking.communicate(timeout=30)
    os.close(ours)

    assert out.endswith(": no findings\n")


def _wait_for(project: Project, query: str, *, there: bool) -> None:
    deadline = time.monotonic() + 30
    while bool(project.rows(query)) is not there:
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


@pytest.fixture
def wrong(shop: Project) -> Project:
    """The shop with an error in a query, a warning in another, and a package that has neither."""
    _query(shop, "100%,wrong", "-- :one\nselect 1;\n")
    _query(shop, "unordered", "-- :many\nselect id from orders limit 3;\n")
    _query(shop, "typo", "-- :one\n  select '\N{MUSICAL SYMBOL G CLEF}', missing;\n")
    return shop


def test_a_pull_request_shows_findings_at_their_lines(wrong: Project) -> None:
    (wrong.root.parent / ".git").mkdir()
    (wrong.root / "dbkit.toml").write_text("[systems.shop]\npackage = 'shop.queries'\n")
    (wrong.root / "pyproject.toml").unlink()

    ran = wrong.dbkit("check", "--format", "github")

    lines = ran.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (1, "")
    assert lines[:3] == [
        "::error file=project/dbkit.toml,title=dbkit stale-package::not current: "
        f"shop/orders/{name}.sql is new; run dbkit generate shop"
        for name in ("100%25,wrong", "typo", "unordered")
    ]
    file = "file=project/sql/shop/orders"
    assert lines[3:] == [
        (
            f"::error {file}/100%25%2Cwrong.sql,title=dbkit query-file::"
            "the query '100%25,wrong' is no name in Python; call it '_100_wrong'"
        ),
        (
            f"::error {file}/typo.sql,line=2,col=15,title=dbkit broken-statement::"
            'column "missing" does not exist'
        ),
        (
            f"::warning {file}/unordered.sql,line=2,title=dbkit unordered::"
            ":many without `order by`: the rows come in no fixed order"
        ),
    ]


def test_a_scanner_reads_findings_with_their_rules(wrong: Project) -> None:
    [run] = json.loads(wrong.dbkit("check", "--format", "sarif").stdout)["runs"]

    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    found = [
        (
            rules[result["ruleIndex"]],
            result["level"],
            place["artifactLocation"]["uri"],
            place.get("region"),
        )
        for result in run["results"]
        for place in (result["locations"][0]["physicalLocation"],)
    ]
    assert found[-3:] == [
        ("query-file", "error", "sql/shop/orders/100%25%2Cwrong.sql", None),
        (
            "broken-statement",
            "error",
            "sql/shop/orders/typo.sql",
            {"startLine": 2, "startColumn": 15},
        ),
        ("unordered", "warning", "sql/shop/orders/unordered.sql", {"startLine": 2}),
    ]


def test_an_editor_marks_findings_in_its_own_units(wrong: Project) -> None:
    published = json.loads(wrong.dbkit("check", "--format", "lsp-json").stdout)

    files = {each["uri"].rpartition("/")[2]: each["diagnostics"] for each in published}
    [typo] = files["typo.sql"]
    assert files.keys() == {"pyproject.toml", "100%25%2Cwrong.sql", "typo.sql", "unordered.sql"}
    assert typo == {
        "range": {"start": {"line": 1, "character": 15}, "end": {"line": 1, "character": 23}},
        "severity": 1,
        "code": "broken-statement",
        "source": "dbkit",
        "message": 'column "missing" does not exist',
    }


def test_findings_are_printed_in_one_way(wrong: Project) -> None:
    ran = wrong.dbkit("check", "--json", "--format", "sarif")

    assert (ran.returncode, ran.stdout) != (0, "")
    assert "give one of them" in ran.stdout + ran.stderr
