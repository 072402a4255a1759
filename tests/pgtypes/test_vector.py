"""A vector of pgvector is a list of floats, both ways."""

import pytest
from psycopg import Connection

from dbkit.errors import BadValue
from dbkit.runtime import AsText, SqlFile, Statement, copy, many, one

ECHO: Statement[list[float]] = Statement(
    SqlFile("kb.tried"),
    "select $1 as value",
    takes="value vector",
    gives="value vector",
)
ECHO_MANY: Statement[list[list[float]]] = Statement(
    SqlFile("kb.tried"),
    "select $1 as value",
    takes="value vector[]",
    gives="value vector[]",
)


def test_a_vector_comes_back_as_it_went_in(myloware: Connection) -> None:
    assert one(myloware, ECHO, [[1, -2.5, 0.5]]) == [1.0, -2.5, 0.5]
    assert one(myloware, ECHO, [AsText("[1,2]")]) == [1.0, 2.0]
    assert one(myloware, ECHO_MANY, [[[1, 2], [3, 4]]]) == [[1.0, 2.0], [3.0, 4.0]]


def test_a_vector_is_read_in_its_text_form_too(myloware: Connection) -> None:
    both: Statement[tuple[object, ...]] = Statement(
        SqlFile("kb.tried"),
        "select $1::vector as value, '(1,2)'::point as point",
        takes="value vector",
        gives="value vector, point point",
        row=lambda *values: values,
    )

    assert one(myloware, both, [[1, 2.5]]) == ([1.0, 2.5], "(1,2)")


def test_vectors_are_copied(myloware: Connection) -> None:
    myloware.execute("create temporary table spots (at vector(2))")
    load: Statement[None] = Statement(
        SqlFile("kb.load"),
        "insert into spots (at) values ($1)",
        takes="at vector",
        copied=("spots (at)", (0,)),
    )
    read: Statement[list[float]] = Statement(
        SqlFile("kb.read"), "select at from spots", gives="at vector"
    )

    assert copy(myloware, load, [([1, 2],), ([3, 4],)]) == 2
    assert many(myloware, read, []) == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("value", ["[1,2]", [1, "x"], [1, None], 5], ids=str)
def test_what_is_no_vector_is_refused(myloware: Connection, value: object) -> None:
    with pytest.raises(BadValue, match="parameter 'value'"):
        one(myloware, ECHO, [value])
