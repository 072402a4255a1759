"""Files as the users of aiosql and sqlc have them."""

import pytest

from dbkit.queryfiles import Query, QueryKind
from dbkit.sqltext import Source
from tests.queryfiles.reading import parse_queries

AIOSQL = """-- All that is asked of users.

-- name: get_all
-- Everyone, by name.
select * from users order by name;

-- name: find(user_id)^
select * from users where user_id = :user_id;

-- name: rename!
-- Gives a user
-- another name.
update users
set name = :name  -- name: this_is_none :many
where user_id = :user_id;

-- name: add<!
insert into users (name) values (:name) returning user_id;
"""


def read(text: str, path: str = "sql/shop/users.sql") -> tuple[Query, ...]:
    return parse_queries(Source(path, text), "users")


def test_a_file_of_aiosql_holds_its_queries_in_order() -> None:
    queries = read(AIOSQL)

    assert [(query.name, query.kind, query.line) for query in queries] == [
        ("get_all", QueryKind.MANY, 5),
        ("find", QueryKind.OPTIONAL, 8),
        ("rename", QueryKind.EXEC, 13),
        ("add", QueryKind.OPTIONAL, 18),
    ]
    assert {query.subject for query in queries} == {"users"}
    assert queries[0].documentation == "Everyone, by name."
    assert queries[2].documentation == "Gives a user\nanother name."
    assert queries[1].combinations[0].text == "select * from users where user_id = $1"
    assert queries[2].combinations[0].parameters == ("name", "user_id")


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("", QueryKind.MANY),
        ("^", QueryKind.OPTIONAL),
        ("$", QueryKind.OPTIONAL),
        ("!", QueryKind.EXEC),
        ("<!", QueryKind.OPTIONAL),
        ("*!", QueryKind.BATCH),
        ("#", QueryKind.EXEC),
        ("()", QueryKind.MANY),
        (" ( )^ ", QueryKind.OPTIONAL),
        (" :one", QueryKind.ONE),
        (" :many", QueryKind.MANY),
        (" :exec", QueryKind.EXEC),
        (" :execrows", QueryKind.EXEC),
        (" :execresult", QueryKind.EXEC),
        (" :copyfrom", QueryKind.COPY),
        (" :batchexec", QueryKind.BATCH),
        (" :batchone", QueryKind.BATCH),
        (" :batchmany", QueryKind.BATCH),
        ("\n-- :stream", QueryKind.STREAM),
    ],
)
def test_a_name_line_says_how_much_comes_back(suffix: str, kind: QueryKind) -> None:
    (query,) = read(f"--name: ListAll{suffix}\nselect 1;")

    assert (query.name, query.kind) == ("ListAll", kind)


def test_a_query_of_several_has_defaults_and_parts_of_its_own() -> None:
    first, second = read(
        "-- name: first :one\n\\if :{?x} \\else \\set x 1 \\endif\nselect :'x';\n\n"
        "-- name: second :one\n\nselect :'x'\n\\if :{?y}\n, :'y'\n\\endif\n;"
    )

    assert [parameter.default for parameter in first.parameters] == ["1"]
    assert [parameter.default for parameter in second.parameters] == [None, None]
    assert [combination.text for combination in second.combinations] == [
        "select $1",
        "select $1\n, $2",
    ]


def test_the_name_of_a_file_with_name_lines_counts_for_nothing() -> None:
    (query,) = read("-- name: first :one\nselect 1;", "sql/shop/users/2024-import.sql")

    assert query.name == "first"
