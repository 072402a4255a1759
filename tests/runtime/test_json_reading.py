"""orjson gives what json gives, or json is asked."""

import json

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.runtime import one
from dbkit.runtime.jsonreading import make_json_reader
from tests.runtime.statements import statement

pytest.importorskip("orjson")

ODD = [
    "18446744073709551616",
    "-9223372036854775809",
    '{"n": [123456789012345678901234567890]}',
    '"1234567890123456789012345"',
    "-0",
    "-0.0",
    "0.01000000000000000000",
    "0.1000000000000000055511151231257827021181583404541015625",
    "12345678901234567890.5",
    '{"a": 0.12345678901234567890, "b": 12345678901234567890}',
    "1e+0000000000000000000000000000001",
    "1e400",
    "-1e400",
    "1e-400",
    "9007199254740993.0",
    '{"a": 1, "a": 2}',
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"\\u0000"',
    '"é漢🐘"',
    "[" * 900 + "]" * 900,
    "  [1, null, true]  ",
]


def same(one: object, other: object) -> bool:
    return repr(one) == repr(other)


@pytest.mark.parametrize("text", ODD, ids=lambda text: text[:20])
def test_odd_values_are_those_of_json(text: str) -> None:
    for version in (False, True):
        read = make_json_reader(version=version)
        assert read is not None
        data = b"\x01" * version + text.encode("utf-8", "surrogatepass")

        assert same(read(data), json.loads(text))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_VALUES, st.booleans())
def test_any_value_is_that_of_json(value: object, ascii_only: bool) -> None:
    read = make_json_reader(version=False)
    assert read is not None
    try:
        data = json.dumps(value, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return

    assert same(read(data), json.loads(data))


def test_what_is_no_json_is_jsons_own_error() -> None:
    read = make_json_reader(version=False)
    assert read is not None

    with pytest.raises(json.JSONDecodeError):
        read(b"{")


def test_a_column_of_json_is_read_whatever_is_in_it(typed_url: str) -> None:
    both = statement(
        "select $1::json as a, $1::jsonb as b, null::jsonb as c",
        takes={"text": "text"},
        gives={"a": "json", "b": "jsonb", "c": "jsonb"},
    )
    with psycopg.connect(typed_url, autocommit=True) as connection:
        for text in ('{"n": 18446744073709551616}', '"é"', "[1.5]", "null"):
            value = json.loads(text)

            assert same(one(connection, both, [text]), (value, value, None))
