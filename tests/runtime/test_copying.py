"""A :copy query is an insert to psql and a bulk load to Python, with the same rows."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection

from dbkit.errors import BadValue
from dbkit.runtime import copy, execute, many
from tests.runtime.statements import statement

TAKES = {"id": "int4", "name": "text", "mood": "mood", "payload": "jsonb", "tags": "text[]"}
TEXT = """
-- load ( many
insert into things (id, "name", mood, payload, tags) /* here */
values ($1, $2, $3, $4, $5);
"""
LOAD = statement(TEXT, takes=TAKES)
ALL = statement("select id, name, mood, payload, tags from things order by id", gives=TAKES)
ROWS: list[tuple[object, ...]] = [
    (1, "tab\t line\n return\r back\\ \\N", "so so", {"a": [1, "\t"]}, ["\\", None, '"']),
    (2, "", None, None, []),
    (3, "\\.", "glad", [], None),
]


def test_a_copy_loads_what_inserts_would(connection: Connection) -> None:
    loaded = copy(connection, LOAD, ROWS[1:])
    inserted = execute(connection, LOAD, ROWS[0])

    assert (loaded, inserted) == (2, 1)
    assert many(connection, ALL, []) == ROWS


def test_a_type_without_a_known_binary_makes_it_text(connection: Connection) -> None:
    connection.execute("create temporary table spots (at point, like things)")
    load = statement(
        "insert into spots (at, id, name, mood, payload, tags) values ($1, $2, $3, $4, $5, $6)",
        takes={"at": "point"} | TAKES,
    )
    read = statement(
        "select at, id, name, mood, payload, tags from spots order by id",
        gives={"at": "point"} | TAKES,
    )
    rows = [("(1,2)", *row) for row in ROWS]

    assert copy(connection, load, rows) == 3
    assert many(connection, read, []) == rows


def test_columns_get_the_parameter_they_name(connection: Connection) -> None:
    load = statement(
        "insert into things (name, id) values ($2, $1)", takes={"id": "int4", "name": "text"}
    )

    copy(connection, load, [(5, "five")])

    assert many(connection, ALL, []) == [(5, "five", None, None, None)]


def test_nothing_to_copy_copies_nothing(connection: Connection) -> None:
    assert copy(connection, LOAD, []) == 0


def test_large_and_many_rows_are_cut_and_gathered(connection: Connection) -> None:
    rows = [(n, "x" * (3_000_000 if n == 7 else 9), None, None, None) for n in range(20_000)]

    assert copy(connection, LOAD, rows) == 20_000
    assert many(connection, ALL, []) == rows


@pytest.mark.parametrize("fault", [(2, 5), (2,)], ids=["value", "length"])
def test_a_bad_set_loads_nothing_and_the_connection_lives(
    typed_url: str, fault: tuple[object, ...]
) -> None:
    load = statement(
        "insert into things (id, name) values ($1, $2)", takes={"id": "int4", "name": "text"}
    )
    with psycopg.connect(typed_url, autocommit=True) as connection:
        with pytest.raises((BadValue, ValueError)):
            copy(connection, load, [(1, "a"), fault])

        assert many(connection, ALL, []) == []


def test_an_error_of_the_callers_own_ends_the_copy(typed_url: str) -> None:
    def rows() -> Iterator[tuple[object, ...]]:
        yield ROWS[0]
        raise LookupError

    with psycopg.connect(typed_url, autocommit=True) as connection:
        with pytest.raises(LookupError):
            copy(connection, LOAD, rows())

        assert many(connection, ALL, []) == []


def test_a_row_the_table_refuses_is_told_with_the_query(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation) as raised:
        copy(connection, LOAD, [ROWS[1], ROWS[1]])

    # the insert is on the third line of the text
    assert "while running things.tried (sql/shop/things/tried.sql:5)" in raised.value.__notes__[0]


@pytest.mark.parametrize(
    "text",
    [
        "insert into things values ($1, $2)",
        "insert into things (id, name) values ($1, upper($2))",
        "insert into things (id, name) values ($1, $2::text)",
        "insert into things (id, name) values ($1, default)",
        "insert into things (id, name) values ($1, $2), ($1, $2)",
        "insert into things (id, name) values ($1, $2) on conflict do nothing",
        "insert into things (id, name) values ($1, $2) returning id",
        "insert into things as thing (id, name) values ($1, $2)",
        "insert into things (id, name) overriding system value values ($1, $2)",
        "insert into things (id, name) select $1, $2",
        "with x as (select 1) insert into things (id, name) values ($1, $2)",
        "update things set name = $2 where id = $1",
    ],
)
def test_more_than_a_plain_insert_is_not_copied(connection: Connection, text: str) -> None:
    with pytest.raises(ValueError, match=r"^things\.tried is not a :copy query"):
        copy(connection, statement(text, takes={"id": "int4", "name": "text"}), [])
