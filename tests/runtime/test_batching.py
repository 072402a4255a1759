"""Many sets of values are one journey, and all of them are done or none."""

import psycopg
import pytest
from psycopg import Connection

from dbkit.errors import BadValue
from dbkit.runtime import batch, batch_rows, many
from tests.runtime.conftest import MakeTable
from tests.runtime.statements import statement

ADD = statement(
    "insert into things (id, name) values ($1, $2)", takes={"id": "int4", "name": "text"}
)
ADD_BACK = statement(
    "insert into things (id, name) values ($1, $2) returning id, name",
    takes={"id": "int4", "name": "text"},
    gives={"id": "int4", "name": "text"},
)
IDS = statement("select id from things order by id", gives={"id": "int4"})


def test_a_batch_counts_the_rows_touched(connection: Connection) -> None:
    assert batch(connection, ADD, ((n, str(n)) for n in range(300))) == 300
    assert many(connection, IDS, []) == list(range(300))


def test_a_batch_gives_its_rows_in_order(connection: Connection) -> None:
    sets = [(n, "x" * n) for n in (3, 1, 2)]

    assert batch_rows(connection, ADD_BACK, sets) == sets


def test_an_empty_batch_does_nothing(connection: Connection) -> None:
    assert batch(connection, ADD, []) == 0
    assert batch_rows(connection, ADD_BACK, []) == []


def test_neither_side_waits_for_the_other(connection: Connection) -> None:
    sets = [(n, "x" * 20_000) for n in range(500)]

    assert batch_rows(connection, ADD_BACK, sets) == sets


@pytest.mark.parametrize("autocommit", [True, False])
def test_a_batch_that_fails_names_the_set_and_does_nothing(
    typed_url: str, *, autocommit: bool
) -> None:
    with psycopg.connect(typed_url, autocommit=autocommit) as connection:
        with pytest.raises(psycopg.errors.UniqueViolation) as raised:
            batch(connection, ADD, [(1, "a"), (2, "b"), (1, "c"), (3, "d")])

        connection.rollback()
        assert raised.value.__notes__ == [
            "while running things.tried (sql/shop/things/tried.sql:4), set 3"
        ]
        assert many(connection, IDS, []) == []


def test_a_constraint_that_waits_for_the_end_is_heard(
    typed_url: str, make_table: MakeTable
) -> None:
    make_table("late (id int4 unique deferrable initially deferred)")
    with psycopg.connect(typed_url, autocommit=True) as connection:
        add = statement("insert into late values ($1)", takes={"id": "int4"})

        with pytest.raises(psycopg.errors.UniqueViolation):
            batch(connection, add, [(1,), (1,)])

        assert connection.execute("select from late").fetchall() == []


def test_a_bad_value_is_refused_before_anything_is_sent(typed_url: str) -> None:
    with psycopg.connect(typed_url, autocommit=True) as connection:
        with pytest.raises(BadValue, match="parameter 'id'"):
            batch(connection, ADD, [(1, "a"), (1 << 40, "b")])

        assert many(connection, IDS, []) == []


def test_a_lost_connection_ends_a_batch(typed_url: str) -> None:
    leave = statement(
        "select pg_terminate_backend($1)",
        takes={"pid": "int4"},
        gives={"pg_terminate_backend": "bool"},
    )
    with psycopg.connect(typed_url) as connection:
        session = connection.execute("select pg_backend_pid()").fetchone()
        assert session

        with pytest.raises(psycopg.OperationalError):
            batch(connection, leave, [session] * 3)

        assert connection.closed
