"""What comes back, how much of it, and what an error says of the query that met it."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection
from psycopg.pq import TransactionStatus

from dbkit.errors import Drifted, InsidePipeline, NoRow, TooManyRows, Unreadable, WrongShape
from dbkit.runtime import END, OMITTED, If, SqlFile, Statement, execute, many, one, optional
from tests.runtime.statements import echo, statement

NUMBERS = statement(
    "select n from generate_series(1, $1) as n order by n",
    takes={"last": "int4"},
    gives={"n": "int4"},
)
ADD = statement(
    "\n\ninsert into things (id, name)\nvalues ($1, $2)", takes={"id": "int4", "name": "text"}
)


@dataclass(frozen=True, slots=True)
class Thing:
    number: int
    name: str | None


def test_many_gives_rows_by_place(connection: Connection) -> None:
    found = statement(
        "select 1 as a, 'x' as b union all select 2, null order by a",
        gives={"a": "int4", "b": "text"},
        row=Thing,
    )

    assert many(connection, found, []) == [Thing(1, "x"), Thing(2, None)]


def test_a_single_column_gives_its_value(connection: Connection) -> None:
    assert many(connection, NUMBERS, [3]) == [1, 2, 3]


def test_one_gives_the_row_and_refuses_none_and_two(connection: Connection) -> None:
    assert one(connection, NUMBERS, [1]) == 1
    with pytest.raises(NoRow, match=r"^things\.tried found no row"):
        one(connection, NUMBERS, [0])
    with pytest.raises(TooManyRows, match=r"^things\.tried found 2 rows"):
        one(connection, NUMBERS, [2])


def test_optional_gives_none_and_refuses_two(connection: Connection) -> None:
    assert optional(connection, NUMBERS, [1]) == 1
    assert optional(connection, NUMBERS, [0]) is None
    with pytest.raises(TooManyRows):
        optional(connection, NUMBERS, [2])


def test_execute_gives_the_rows_touched(connection: Connection) -> None:
    clear = statement("delete from things where id < $1", takes={"id": "int4"})
    lock = statement("lock table things")
    execute(connection, ADD, [1, "a"])
    execute(connection, ADD, [2, "b"])

    assert execute(connection, clear, [9]) == 2
    assert execute(connection, clear, [9]) == 0
    assert execute(connection, lock, []) == 0


def test_a_call_begins_the_transaction_the_connection_wants(typed_url: str) -> None:
    isolation = statement(
        "select current_setting('transaction_isolation') as a, "
        "current_setting('transaction_read_only') as b, "
        "current_setting('transaction_deferrable') as c",
        gives={"a": "text", "b": "text", "c": "text"},
    )
    with psycopg.connect(typed_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.deferrable = True

        assert one(connection, isolation, []) == ("repeatable read", "on", "on")
        assert connection.info.transaction_status == TransactionStatus.INTRANS


def test_a_call_leaves_an_autocommit_connection_without_a_transaction(typed_url: str) -> None:
    with psycopg.connect(typed_url, autocommit=True) as connection:
        assert one(connection, NUMBERS, [1]) == 1

        assert connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select 1::int8 as number", "(number int8)"),
        ("select 1::int4 as figure", "(figure int4)"),
        ("select 1::int4 as number, 2::int4 as more", "(number int4, more int4)"),
        ("select 'glad'::mood as number", "(number type"),
    ],
)
def test_other_columns_than_it_was_typed_for_are_refused(
    connection: Connection, text: str, found: str
) -> None:
    drifted = statement(text, gives={"number": "int4"})

    with pytest.raises(Drifted) as refused:
        one(connection, drifted, [])

    assert f"gives {found}" in str(refused.value)
    assert "was typed for (number int4)" in str(refused.value)


def test_a_drifted_statement_is_refused_before_it_writes(typed_url: str) -> None:
    drifted = statement(
        "insert into things (id, name) values (77, 'x') returning id", gives={"id": "int8"}
    )
    with psycopg.connect(typed_url, autocommit=True) as connection:
        with pytest.raises(Drifted):
            one(connection, drifted, [])

        assert connection.execute("select from things where id = 77").fetchall() == []


def test_a_column_that_changes_later_is_refused_too(connection: Connection) -> None:
    read = statement("select value from later", gives={"value": "int4"})
    connection.execute("create temporary table later as select 1::int4 as value")
    assert one(connection, read, []) == 1

    connection.execute("alter table later alter value type text")

    with pytest.raises(Drifted):
        one(connection, read, [])


def test_a_domain_column_is_its_base(connection: Connection) -> None:
    assert one(connection, statement("select 5::score as s", gives={"s": "score"}), []) == 5


def test_an_error_keeps_its_class_and_says_where(connection: Connection) -> None:
    execute(connection, ADD, [1, "a"])

    with pytest.raises(psycopg.errors.UniqueViolation) as raised:
        execute(connection, ADD, [1, "b"])

    # the text begins with two empty lines, the first of them line 4 of the file
    assert raised.value.__notes__ == ["while running things.tried (sql/shop/things/tried.sql:6)"]
    assert raised.value.diag.constraint_name == "things_pkey"


def test_null_where_none_may_be_is_the_servers_error(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation) as raised:
        execute(connection, ADD, [1, None])

    assert raised.value.diag.column_name == "name"
    assert "while running things.tried" in raised.value.__notes__[0]


def test_an_error_names_the_line_its_position_means(connection: Connection) -> None:
    # -- :one, select, \\if :{?x}, é.x, \\endif, missing, from things: each in a line of its own
    text = ("select", If("x"), "\n    é.x,", END, "\n    missing\nfrom things")
    file = SqlFile("things.tried", "tried.sql", 2)
    broken: Statement[None] = Statement(file, text, flags=("x",))

    with pytest.raises(psycopg.errors.UndefinedColumn) as raised:
        execute(connection, broken, [False])

    assert raised.value.__notes__ == ["while running things.tried (tried.sql:6)"]


def test_an_error_while_running_is_told_as_well(connection: Connection) -> None:
    divide = statement("select 1 / $1 as n", takes={"x": "int4"}, gives={"n": "int4"})
    assert one(connection, divide, [1]) == 1

    with pytest.raises(psycopg.errors.DivisionByZero) as raised:
        one(connection, divide, [0])

    assert raised.value.__notes__ == ["while running things.tried (sql/shop/things/tried.sql:4)"]


def test_a_value_python_has_no_form_for_is_told_with_the_query(connection: Connection) -> None:
    forever = statement(
        "select t from (values (now()), ('infinity')) as moments (t)", gives={"t": "timestamptz"}
    )

    with pytest.raises(Unreadable) as raised:
        many(connection, forever, [])

    assert str(raised.value) == (
        "things.tried: column 't' of row 2 holds infinity, which Python has no form for; to take "
        "it, write `-- t: infinity` in the query's header, or read it as text, as in `t::text`"
    )


def test_a_lost_connection_is_told_with_the_query(typed_url: str) -> None:
    leave = statement(
        "select pg_terminate_backend(pg_backend_pid()) as gone", gives={"gone": "bool"}
    )
    with (
        psycopg.connect(typed_url) as connection,
        pytest.raises(psycopg.OperationalError) as raised,
    ):
        one(connection, leave, [])

    assert "while running things.tried" in raised.value.__notes__[0]


def test_threads_that_share_a_connection_take_turns(typed_url: str) -> None:
    with psycopg.connect(typed_url, autocommit=True) as shared, ThreadPoolExecutor(4) as threads:

        def numbers(last: int) -> list[int]:
            return many(shared, NUMBERS, [last])

        answers = list(threads.map(numbers, range(200)))

    assert answers == [list(range(1, last + 1)) for last in range(200)]


def test_a_call_inside_the_drivers_pipeline_is_refused(connection: Connection) -> None:
    with connection.pipeline(), pytest.raises(InsidePipeline):
        one(connection, NUMBERS, [1])


def test_the_wrong_number_of_values_is_refused(connection: Connection) -> None:
    with pytest.raises(ValueError, match=r"things\.tried takes 1 values, not 2"):
        one(connection, NUMBERS, [1, 2])


@dataclass(frozen=True, slots=True)
class Step:
    id: UUID
    at: datetime | None
    price: Decimal
    state: Literal["open", "done"]


STEP = Step(
    UUID(int=1), datetime(2024, 1, 1, tzinfo=UTC), Decimal("0.10000000000000000001"), "open"
)
STEP_JSON = """
json_build_object(
    'id', '00000000-0000-0000-0000-000000000001'::uuid,
    'at', '2024-01-01 00:00+00'::timestamptz,
    'price', 0.10000000000000000001,
    'state', 'open'
)
"""


@pytest.mark.parametrize("type_", ["json", "jsonb"])
def test_json_becomes_the_type_it_is_told(connection: Connection, type_: str) -> None:
    nested = statement(
        f"select {STEP_JSON}::{type_} as one, json_agg({STEP_JSON})::{type_} as list, "
        f"null::{type_} as none, '[1.5]'::{type_} as plain",
        gives=dict.fromkeys(["one", "list", "none", "plain"], type_),
        into={"one": Step, "list": list[Step], "none": Step},
    )

    assert one(connection, nested, []) == (STEP, [STEP], None, [1.5])


def test_json_is_typed_beside_a_type_that_has_no_known_binary(connection: Connection) -> None:
    nested = statement(
        f"select {STEP_JSON}::jsonb as one, '(1,2)'::point as point, array[7, null] as list, "
        "'so so'::mood as mood, row('x', 1, null)::place as place",
        gives={
            "one": "jsonb",
            "point": "point",
            "list": "int4[]",
            "mood": "mood",
            "place": "place",
        },
        into={"one": Step},
    )

    found = one(connection, nested, [])

    assert found == (STEP, "(1,2)", [7, None], "so so", ("x", 1, None))


def test_json_of_another_shape_is_refused_by_its_place(connection: Connection) -> None:
    nested = echo("jsonb", value=list[Step])
    good = {
        "id": str(UUID(int=1)),
        "at": None,
        "price": 1,
        "state": "open",
        "more": "is left out",
    }
    assert one(connection, nested, [[good]]) == [Step(UUID(int=1), None, Decimal(1), "open")]

    with pytest.raises(WrongShape) as refused:
        one(connection, nested, [[good, good | {"state": "gone"}]])

    assert str(refused.value) == (
        "things.tried: column 'value': $[1].state: expected one of 'open', 'done', got 'gone'"
    )


def test_rows_of_rows_become_dataclasses(connection: Connection) -> None:
    nested = statement(
        "select array_agg(row(n, n::text) order by n) as rows, row(5, null::text) as row "
        "from generate_series(1, 2) as n",
        gives={"rows": "record[]", "row": "record"},
        into={"rows": list[Thing], "row": Thing},
    )

    assert one(connection, nested, []) == ([Thing(1, "1"), Thing(2, "2")], Thing(5, None))


def test_nothing_is_kept_of_a_connection_that_is_gone(typed_url: str) -> None:
    connection = psycopg.connect(typed_url)
    one(connection, NUMBERS, [1])
    one(connection, echo("mood"), ["glad"])
    connection.close()
    gone = weakref.ref(connection)

    del connection
    gc.collect()

    assert gone() is None


def test_a_value_whose_part_is_left_out_may_be_of_a_domain_that_refuses_null(
    connection: Connection,
) -> None:
    connection.execute("create domain label as text not null check (value <> '')")
    text = ("select 1 as n", If("label"), " where $1::label <> ''", END, If("n"), " limit $2", END)
    file = SqlFile("things.tried", "tried.sql", 2)
    labelled: Statement[int] = Statement(file, text, takes="label label?, n int8", gives="n int4")

    assert one(connection, labelled, (OMITTED, OMITTED)) == 1
    assert one(connection, labelled, ("a", OMITTED)) == 1
    assert optional(connection, labelled, (OMITTED, 0)) is None
    with pytest.raises(psycopg.errors.NotNullViolation):
        one(connection, labelled, (None, OMITTED))


def test_a_value_that_counts_only_with_another_is_not_looked_at_without_it(
    connection: Connection,
) -> None:
    text = ("select 1 as n", If("a"), " where $1 > 0", If("b"), " and $2 > 0", END, END)
    file = SqlFile("things.tried", "tried.sql", 2)
    nested: Statement[int] = Statement(file, text, takes="a int4, b int4", gives="n int4")

    assert one(connection, nested, (OMITTED, -1)) == 1
    assert optional(connection, nested, (1, -1)) is None
    assert optional(connection, nested, (1, OMITTED)) == 1


def test_a_dollar_inside_a_string_is_no_value(connection: Connection) -> None:
    text = ("select 'costs $1' as t", If("a"), ", $1 as t", END)
    file = SqlFile("things.tried", "tried.sql", 2)
    quoted: Statement[str] = Statement(file, text, takes="a int4", gives="t text")

    assert one(connection, quoted, (OMITTED,)) == "costs $1"
