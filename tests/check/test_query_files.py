"""Every fault of every query file is told at its place, and the right ones are typed anyway."""

from contextlib import nullcontext

import psycopg
import pytest

from dbkit.check import check_system
from tests.check.conftest import Shop

RIGHT = "-- :many\nselect id, note from orders order by id;\n"


def test_a_right_file_is_typed_and_nothing_is_found(shop: Shop) -> None:
    shop.query("orders/list_all", RIGHT)

    report = shop.check()

    assert (report.findings, report.warnings) == ([], [])
    assert [one.query.name for one in report.typed] == ["list_all"]


def test_the_faults_of_all_files_are_told_in_their_order(shop: Shop) -> None:
    shop.query("orders/list_all", RIGHT)
    shop.query("orders/c", "-- :many\nselect nota from orders;\n")
    shop.query("orders/b", "-- :many\nselect 'never closed;\n")
    shop.query("orders/a", "select id from orders;\n")
    shop.query("class/find", RIGHT)

    report = shop.check()

    assert [(one.kind, one.place) for one in report.findings] == [
        ("file", "sql/shop/class/find.sql:"),
        ("file", "sql/shop/orders/a.sql:1:1:"),
        ("file", "sql/shop/orders/b.sql:2:8:"),
        ("statement", "sql/shop/orders/c.sql:2:8:"),
    ]
    assert [one.query.name for one in report.typed] == ["list_all"]


def test_the_place_of_a_fault_has_its_line_and_a_caret(shop: Shop) -> None:
    shop.query("orders/list_all", "-- :many\nselect\n    missing\nfrom orders;\n")

    finding = shop.only()

    assert finding.as_json() == {
        "rule": "broken-statement",
        "kind": "statement",
        "path": "sql/shop/orders/list_all.sql",
        "line": 3,
        "column": 5,
        "query": "orders.list_all",
        "message": 'column "missing" does not exist',
    }
    assert finding.snippet == "    missing\n    ^"


def test_each_query_of_a_file_has_its_own_fault(shop: Shop) -> None:
    shop.query(
        "orders",
        '-- name: first :many\nselect :id from orders where id = :"id";\n'
        "-- name: second :many\nselect id from orders;\n"
        "-- name: third :several\nselect id from orders;\n"
        "-- name: fourth :many\nselect nota from orders;\n",
    )

    report = shop.check()

    assert [one.line for one in report.findings] == [2, 5, 8]
    assert [one.query.name for one in report.typed] == ["second"]


def test_faults_of_two_parts_are_both_told_and_each_once(shop: Shop) -> None:
    shop.query(
        "orders/list_all",
        "-- :many\nselect id from orders where true\n"
        "\\if :{?a}\nand nota = :'a'\n\\endif\n"
        "\\if :{?b}\nand idd = :'b'\n\\endif\n;\n",
    )

    places = shop.places()

    assert [place for place, _ in places] == [
        "sql/shop/orders/list_all.sql:4:5:",
        "sql/shop/orders/list_all.sql:7:5:",
    ]


def test_what_does_not_fit_is_told_of_all_columns_lines_and_defaults(shop: Shop) -> None:
    shop.query(
        "orders/list_all",
        "-- total: not null\n-- :many\n\\if :{?most} \\else \\set most many \\endif\n"
        "select id, id, 1 + 1, 2 + 2\nfrom orders limit :'most';\n",
    )

    places = shop.places()

    assert places == [
        (
            "sql/shop/orders/list_all.sql:4:",
            "column 2 of orders.list_all is the second one named 'id'; write `as id_2`",
        ),
        (
            "sql/shop/orders/list_all.sql:4:",
            "column 3 of orders.list_all has no name; write `as some_name`",
        ),
        (
            "sql/shop/orders/list_all.sql:4:",
            "column 4 of orders.list_all has no name; write `as some_name_2`",
        ),
        (
            "sql/shop/orders/list_all.sql:4:",
            (
                "the header line for 'total' belongs to no column or parameter of "
                "orders.list_all; there are id, id, ?column?, ?column?, most"
            ),
        ),
        (
            "sql/shop/orders/list_all.sql:4:",
            (
                "the default 'many' of 'most' is no int8: "
                'invalid input syntax for type bigint: "many"'
            ),
        ),
    ]


def test_two_queries_of_one_name_are_told_with_both_places(shop: Shop) -> None:
    shop.query("orders/list_all", RIGHT)
    shop.query("orders/others", "-- name: list_all :many\nselect id from orders;\n")

    finding = shop.only()

    assert (finding.kind, finding.place, finding.query) == (
        "duplicate",
        "sql/shop/orders/others.sql:2:",
        "orders.list_all",
    )
    assert finding.message.endswith(
        "is already in sql/shop/orders/list_all.sql:2; rename one of them"
    )


def test_checking_leaves_nothing_behind(shop: Shop) -> None:
    shop.query("orders/add", "-- :exec\ninsert into orders values (:'id', :'c', null, 'open');\n")
    shop.query("orders/wrong", "-- :many\nselect nota from orders;\n")

    check_system(shop.system, shop.project.root, nullcontext(shop.connection))

    assert shop.project.rows("select * from orders") == []
    assert shop.project.rows("select from pg_proc where proname like 'dbkit%'") == []
    assert shop.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert shop.connection.execute("show lock_timeout").fetchone() == ("0",)


def test_who_holds_a_lock_is_not_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dbkit.check.system._LOCK_TIMEOUT", "set local lock_timeout = '50ms'")
    shop.query("orders/list_all", RIGHT)

    with shop.project.connect() as other, other.transaction():
        other.execute("lock table orders in access exclusive mode")
        finding = shop.only()

    assert (finding.kind, finding.message) == (
        "unreachable",
        (
            "canceling statement due to lock timeout, "
            "while asked about orders.list_all (sql/shop/orders/list_all.sql)"
        ),
    )


def test_a_connection_that_is_lost_ends_the_asking_and_keeps_what_was_found(shop: Shop) -> None:
    for name in ("first", "second", "third"):
        shop.query(f"orders/{name}", RIGHT)

    def told(text: str) -> None:
        if "first" in text:
            shop.project.rows(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where datname = current_database() and state = 'idle in transaction'"
            )

    report = shop.check(told)

    [finding] = report.findings
    assert report.typed == []
    assert finding.kind == "unreachable"
    assert finding.message.endswith("while asked about orders.first (sql/shop/orders/first.sql)")


def test_what_is_looked_at_is_told(shop: Shop) -> None:
    shop.query("orders/list_all", RIGHT)
    told: list[str] = []

    shop.check(told.append)

    assert told == ["shop: migrations", "shop: orders.list_all (1 of 1)"]
