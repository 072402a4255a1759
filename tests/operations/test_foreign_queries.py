"""What is touched in a query of sqlc or aiosql, and what only looks as if it should be."""

from pathlib import Path

import pytest

from dbkit.operations import BroughtQueries, convert_queries
from dbkit.settings import System, load_settings


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system without queries."""
    (tmp_path / "pyproject.toml").write_text("[tool.dbkit.systems.shop]\n")
    return load_settings(tmp_path).systems["shop"]


def brought(system: System, tool: str, text: str, name: str = "old/q.sql") -> BroughtQueries:
    root = system.sql.parent.parent
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return convert_queries(tool, root / "old", system, root)


OF_SQLC = {
    "select @authorID::int + @author_id": "select :'author_id'::int + :'author_id_2'",
    "select sqlc.arg('x') , SQLC.ARG(\"y\")::int": "select :'x' , :'y'::int",
    "select sqlc.arg(x) + @x": "select :'x' + :'x'",
    "select a[lo:hi], a[1:2], a[$1:$2]": "select a[lo: hi], a[1:2], a[:'p1': :'p2']",
    "select 1 where id in ($1, $2)": "select 1 where id in (:'p1', :'p2')",
    "select 1 where b.id=$1 and c.id=$2": "select 1 where b.id=:'id' and c.id=:'id_2'",
    "select 1 where $1::int[] && ids": "select 1 where :'ids'::int[] && ids",
    "select 1 where a = $2 or $2 = $1": "select 1 where a = :'a' or :'a' = :'p1'",
    "select 1 where lower(a) = lower($1)": "select 1 where lower(a) = lower(:'p1')",
    "select 1 where id = any($1::int[])": "select 1 where id = any(:'id'::int[])",
    "select f(a => $1, b := $2)": "select f(a => :'a', b := :'b')",
    "select 1 where \"Class\" = $1 and 'a' || $2 = $3": (
        "select 1 where \"Class\" = :'class_' and 'a' || :'p2' = :'p3'"
    ),
    "select case when a then b end = $1": "select case when a then b end = :'p1'",
    'insert into t as x (a, "B") values ($1, f(1, $2)), (now(), $3::int)': (
        "insert into t as x (a, \"B\") values (:'a', f(1, :'p2')), (now(), :'b'::int)"
    ),
    "insert into t values ($1)": "insert into t values (:'p1')",
    "update t set a = $2, b = coalesce($1, b)": "update t set a = :'a', b = coalesce(:'b', b)",
    "select 1 where x not in (sqlc.slice(ids))": "select 1 where x <> all(:'ids')",
    "select @connection, @HOST, @class": "select :'connection_', :'host', :'class_'",
    "select sqlc.embed(b), b.c from b": "select b, b.c from b",
}
OF_AIOSQL = {
    "select ':x', x::int, :x::int, a[1:2]": "select ':x', x::int, :'x'::int, a[1:2]",
    "select :a.b, :a-b, :a - b": "select :'a_b', :'a_b_2', :'a' - b",
    "select 1 where a in :xs and b not in :ys": (
        "select 1 where a = any(:'xs') and b <> all(:'ys')"
    ),
    "select 5 %% 2, $$ :x $$": "select 5 % 2, $$ :x $$",
    "select :'x', :class": "select :'x', :'class_'",
}


@pytest.mark.parametrize(
    "untouched",
    [
        "select '@x $1 sqlc.arg(x)', a @> b, a <@ b, @ -5",
        "select $$ $1 $$, $q$ @x $q$, E'\\'@x', U&\"@x\" /* @x $2 */ -- $1 @x",
        'select "a@b", x::text, a."sqlc", \'{a,b}\'::text[]',
    ],
)
def test_what_only_looks_like_a_parameter_stays(system: System, untouched: str) -> None:
    [file] = brought(system, "sqlc", f"-- name: Get :many\n{untouched}\n;\n").files

    assert file.text == f"-- name: get :many\n{untouched}\n;\n"


@pytest.mark.parametrize("old", OF_SQLC)
def test_a_parameter_of_sqlc_becomes_one_of_psql(system: System, old: str) -> None:
    [file] = brought(system, "sqlc", f"-- name: Get :many\n{old};\n").files

    assert file.text == f"-- name: get :many\n{OF_SQLC[old]};\n"


@pytest.mark.parametrize("old", OF_AIOSQL)
def test_a_parameter_of_aiosql_becomes_one_of_psql(system: System, old: str) -> None:
    [file] = brought(system, "aiosql", f"-- name: get\n{old}").files

    assert file.text == f"-- name: get :many\n{OF_AIOSQL[old]};"


def test_a_null_that_only_narg_tells_of_stands_in_the_header(system: System) -> None:
    old = (
        "-- name: Set :exec\r\n"
        "update t set a = sqlc.narg(a), b = coalesce(sqlc.narg(b)::text, b)\r\n"
        "where c = sqlc.narg(c) or sqlc.narg(c)::int[] is null;\r\n"
    )

    [file] = brought(system, "sqlc", old).files

    assert file.text.startswith("-- name: set :exec\r\n-- a: nullable\r\nupdate t")


def test_a_comment_that_would_be_read_as_a_header_stays_a_comment(system: System) -> None:
    old = (
        "-- note: not null\n\n-- name: get-it$\n-- allow: all of it\n-- One: two.\n"
        "select 1 -- :many\n;\n"
    )

    found = brought(system, "aiosql", old)

    assert found.by_hand == []
    assert found.files[0].text == (
        "-- note  not null\n\n-- name: get_it :optional\n-- allow  all of it\n-- One: two.\n"
        "select 1 --  many\n;\n"
    )


def test_queries_that_would_have_one_name_are_named(system: System) -> None:
    found = brought(system, "sqlc", "-- name: GetX :one\nselect 1;\n-- name: get_x :one\nselect 2;")

    [clash] = found.by_hand
    assert "q.get_x" in clash


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("old/book-list.sql", "book_list.sql"),
        ("old/class.sql", "class_.sql"),
        ("old/a/b/c.sql", "a_b/c.sql"),
        ("old/_private/2024-x.sql", "private/2024-x.sql"),
    ],
)
def test_a_file_lies_where_its_subject_is(system: System, name: str, target: str) -> None:
    found = brought(system, "aiosql", "-- name: get\nselect 1", name)

    assert found.by_hand == []
    assert [file.path for file in found.files] == [system.sql / target]
