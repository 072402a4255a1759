"""The decorators of generated functions only tell type checkers more: no call goes through them."""

from collections.abc import Sequence

import pytest

from dbkit.runtime import AnyConnection, Statement, Stream, query, stream, stream_query
from tests.runtime.statements import statement

NUMBERS: Statement[int] = statement("select 1 as number", gives={"number": "int4"})


def read(connection: AnyConnection, values: Sequence[object]) -> Stream[int]:
    """Read numbers."""
    return stream(connection, NUMBERS, values)


@pytest.mark.parametrize("decorator", [query, stream_query])
def test_a_decorated_function_is_the_very_same(decorator: object) -> None:
    assert callable(decorator)

    assert decorator(read) is read
