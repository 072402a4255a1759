"""`dbkit call` runs a file of SQL with texts for values, `dbkit show` tells what it is."""

import csv
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.seen import refusal
from tests.project import Project

SCHEMA = """
create table orders (
    id integer primary key,
    note text,
    amount numeric(8, 2) not null,
    made timestamptz not null default '2026-01-01 12:00+00',
    tags text[] not null default '{}',
    details jsonb
);
insert into orders (id, note, amount, tags, details) values
    (1, 'first, "of all"', 2.50, '{a,b}', '{"k": [1, null]}'),
    (2, null, 10, '{}', null);
"""
FILES = {
    "list_all": """
-- All orders, by their number.
-- :many
\\if :{?most} \\else \\set most 20 \\endif
select id, note, amount, made, tags, details
from orders
\\if :{?since}
where made >= :'since'
\\endif
order by id
limit :'most';
""",
    "get": "-- :one\nselect id, note from orders where id = :'id';\n",
    "find_note": "-- :optional\nselect note from orders where id = :'id';\n",
    "remove": "-- :exec\ndelete from orders where id = :'id';\n",
    "take": "-- :one\ndelete from orders returning id;\n",
    "take_first": "-- :one\ndelete from orders where id = 1 returning id;\n",
    "add": "-- :batch\ninsert into orders (id, amount) values (:'id', :'amount') returning id;\n",
    "fill": "-- :copy\ninsert into orders (id, amount) values (:'id', :'amount');\n",
    "divide": "-- :many\nselect id / (id - 1) as whole\nfrom orders;\n",
}

WHILE_GETTING = "while running orders.get (sql/shop/orders/get.sql:2)"


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop with two orders."""
    with project.connect() as connection:
        connection.execute(SCHEMA.encode())
    folder = project.root / "sql" / "shop" / "orders"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.sql").write_text(text.lstrip("\n"))
    return project


def answer(shop: Project, *arguments: str) -> str:
    ran = shop.dbkit("call", "shop", *arguments)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_a_person_sees_an_aligned_table(shop: Project) -> None:
    lines = answer(shop, "orders.list_all").splitlines()

    assert lines[0].split() == ["id", "note", "amount", "made", "tags", "details"]
    assert lines[1].index("2.50") == lines[2].index("10.00") == lines[0].index("amount")
    assert "null" in lines[2]
    assert lines[-1] == "(2 rows)"


def test_a_program_gets_objects(shop: Project) -> None:
    first, second = json.loads(answer(shop, "orders.list_all", "--json"))

    assert first == {
        "id": 1,
        "note": 'first, "of all"',
        "amount": "2.50",
        "made": first["made"],
        "tags": ["a", "b"],
        "details": {"k": [1, None]},
    }
    assert (second["note"], second["tags"], second["details"]) == (None, [], None)


def test_a_spreadsheet_gets_a_header_and_quoted_cells(shop: Project) -> None:
    header, first, second = csv.reader(io.StringIO(answer(shop, "orders.list_all", "--csv")))

    assert header == ["id", "note", "amount", "made", "tags", "details"]
    assert first[:3] == ["1", 'first, "of all"', "2.50"]
    assert first[4:] == ['["a", "b"]', '{"k": [1, null]}']
    assert second[:3] == ["2", "", "10.00"]


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("orders.get id=1", {"id": 1, "note": 'first, "of all"'}),
        ("orders.find_note id=1", {"note": 'first, "of all"'}),
        ("orders.find_note id=2", {"note": None}),
        ("orders.find_note id=3", None),
        ("orders.remove id=1", 1),
        ("orders.remove id=3", 0),
        ("orders.add id=5 amount=7.5", [{"id": 5}]),
        ("orders.fill id=5 amount=7.5", 1),
    ],
)
def test_the_kind_says_what_a_program_gets(shop: Project, call: str, found: object) -> None:
    assert json.loads(answer(shop, *call.split(), "--json")) == found


def test_a_value_is_the_text_that_psql_would_send(shop: Project) -> None:
    rows = json.loads(answer(shop, "orders.list_all", "since=epoch", "most=1", "--json"))

    assert [row["id"] for row in rows] == [1]


def test_what_was_written_is_committed(shop: Project) -> None:
    assert answer(shop, "orders.remove", "id=1") == "1 row touched\n"
    assert shop.rows("select id from orders") == [(2,)]


def test_a_broken_promise_takes_back_what_was_written(shop: Project) -> None:
    ran = shop.dbkit("call", "shop", "orders.take")

    assert refusal(ran) == "orders.take found 2 rows, where it promises one at most"
    assert shop.rows("select count(*) from orders") == [(2,)]


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_a_result_that_cannot_be_written_is_told_with_what_was_done(
    shop: Project, form: list[str]
) -> None:
    told = into_a_full_disk(shop, "call", "shop", "orders.take_first", *form)

    reason = os.strerror(errno.ENOSPC)
    assert told == f"error: the call is committed, and its result cannot be written: {reason}\n"
    assert shop.rows("select id from orders") == [(2,)]


def test_output_that_cannot_be_written_is_told(shop: Project) -> None:
    reason = os.strerror(errno.ENOSPC)
    assert into_a_full_disk(shop, "status") == f"error: the output cannot be written: {reason}\n"


def into_a_full_disk(shop: Project, *arguments: str) -> str:
    """Run a command whose output goes to a disk that is full, and return what it tells."""
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "dbkit", *arguments, "--url", shop.url],
            cwd=shop.root,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 1
    return ran.stderr


def test_a_text_does_not_command_the_terminal(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute(r"update orders set note = E'\x1b[2J[red]' where id = 1")

    shown = answer(shop, "orders.get", "id=1")

    assert "\x1b" not in shown
    assert r"\x1b[2J[red]" in shown


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("orders.gett id=1", "unknown query 'orders.gett'; did you mean 'orders.get'"),
        ("orders.get", "orders.get needs 'id'; keywords: id"),
        ("orders.get id=1 ids=1", "orders.get takes no 'ids'; did you mean 'id'; keywords: id"),
        (
            "orders.get id=9",
            "orders.get found no row, where it promises one; make it :optional if none is fine",
        ),
        (
            "orders.get id=x",
            'invalid input syntax for type integer: "x"\n' + WHILE_GETTING,
        ),
        (
            "orders.divide",
            "division by zero\nwhile running orders.divide (sql/shop/orders/divide.sql:2)",
        ),
    ],
)
def test_what_cannot_be_called_is_told_in_a_sentence(
    shop: Project, call: str, sentence: str
) -> None:
    assert refusal(shop.dbkit("call", "shop", *call.split())) == sentence


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("orders.get 1", "'1' is no value; write NAME=VALUE"),
        ("orders.get id=1 id=2", "id is given twice; give it once"),
        (
            "orders.get id=1 --json --csv",
            "--json and --csv exclude each other; give one of them",
        ),
    ],
)
def test_wrong_usage_ends_with_64(shop: Project, call: str, sentence: str) -> None:
    message = refusal(shop.dbkit("call", "shop", *call.split()), 64)

    assert message.splitlines()[0] == sentence


def test_a_file_that_does_not_prepare_is_shown_with_a_caret(shop: Project) -> None:
    broken = shop.root / "sql" / "shop" / "orders" / "broken.sql"
    broken.write_text("-- :many\nselect id\nfrom orderz;\n")

    message = refusal(shop.dbkit("call", "shop", "orders.broken"))

    assert message.startswith("sql/shop/orders/broken.sql:3:6: ")
    assert 'relation "orderz" does not exist' in message
    assert "^" in message.splitlines()[-1]


def test_show_tells_the_signature_the_columns_and_why_one_may_be_null(shop: Project) -> None:
    ran = shop.dbkit("show", "shop", "orders.list_all")

    lines = ran.stdout.splitlines()
    assert "called by name, prepared once for each connection" in ran.stdout
    assert ran.returncode == 0
    assert lines[0] == (
        "orders.list_all(connection, *, most: int = 20, since: datetime = ...) -> list[Row]"
    )
    assert lines[1:3] == [
        "All orders, by their number.",
        "sql/shop/orders/list_all.sql:4, :many",
    ]
    assert "where made >= $1" in lines
    columns = {line.split()[0]: line.split(maxsplit=3)[1:] for line in lines if "  " in line}
    assert columns["id"] == ["int4", "int", "never"]
    assert columns["note"][:1] == ["text"]
    assert "yes: " in columns["note"][-1]


def test_show_tells_the_plan_and_runs_nothing(shop: Project) -> None:
    ran = shop.dbkit("show", "shop", "orders.remove")

    assert "orders.remove(connection, *, id: int) -> int" in ran.stdout
    assert ("Delete on orders" in ran.stdout) or ("needs PostgreSQL 16" in ran.stdout)
    assert shop.rows("select count(*) from orders") == [(2,)]


def test_a_folder_without_queries_is_told(project: Project) -> None:
    message = refusal(project.dbkit("show", "shop", "orders.get"))

    assert message == "unknown query 'orders.get'; queries: none"
    assert not list(Path(project.root / "sql" / "shop").glob("*.sql"))
