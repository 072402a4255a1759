"""Values go in with the types they were checked with, and come back as they went in."""

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.types.json import Jsonb
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range
from psycopg.types.string import TextBinaryLoader, TextLoader

from dbkit.errors import BadValue, UnknownType
from dbkit.runtime import AsText, one
from dbkit.runtime.connectiontypes import ConnectionTypes
from dbkit.runtime.encoders import make_encoder
from dbkit.runtime.wire import group
from dbkit.runtime.wirevalues import Unbindable
from tests.runtime.statements import echo, statement

HOUR = timezone(timedelta(hours=1))
NASTY = "' \" \\ % {} () , ; $1 :x é 漢 🐘 \t\n NULL"
VALUES: list[tuple[str, object]] = [
    ("bool", True),
    ("int2", -32768),
    ("int4", 2147483647),
    ("int8", -9223372036854775808),
    ("oid", 4294967295),
    ("float4", 1.5),
    ("float8", 0.1),
    ("float8", float("-inf")),
    ("numeric", Decimal("12345678901234567890.123456789")),
    ("numeric", Decimal(0)),
    ("text", NASTY),
    ("text", ""),
    ("varchar", NASTY),
    ("bpchar", "x"),
    ("name", "x"),
    ('"char"', "x"),
    ("bytea", b"\x00\xff\\'"),
    ("uuid", UUID(int=7)),
    ("date", date(1, 1, 1)),
    ("time", time(1, 2, 3, 4)),
    ("timetz", time(1, 2, 3, tzinfo=HOUR)),
    ("timestamp", datetime(2024, 2, 29, 1, 2, 3, 4)),  # noqa: DTZ001 - what the type holds
    ("timestamptz", datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=HOUR)),
    ("interval", timedelta(days=-3, seconds=4, microseconds=-5)),
    ("json", {"a": [1, None, "é"]}),
    ("jsonb", {"a": [1.5, None, NASTY]}),
    ("jsonb", []),
    ("jsonb", "text"),
    ("inet", ip_address("::1")),
    ("inet", ip_interface("10.0.0.1/8")),
    ("cidr", ip_network("10.0.0.0/8")),
    ("macaddr", "08:00:2b:01:02:03"),
    ("point", "(1,2)"),
    ("tsvector", "'a' 'b'"),
    ("int4range", Range(1, 5)),
    ("int4range", Range(empty=True)),
    ("numrange", Range(None, Decimal("1.5"), "(]")),
    ("tstzrange", Range(datetime(2024, 1, 1, tzinfo=UTC), None)),
    ("int4multirange", Multirange([Range(1, 2), Range(5, 9)])),
    ("span", Range(0.5, 1.5)),
    ("span_multirange", Multirange([Range(0.5, 1.5)])),
    ("mood", "so so"),
    ("apart.mood", "near"),
    ("score", 7),
    ("scores", [7, None]),
    ("scores[]", [[7], []]),
    ("home", ("x", 1, None)),
    ("place", (NASTY, None, ["glad", None])),
    ("visit", (("", 1, []), datetime(2024, 1, 1, tzinfo=UTC))),
    ("int4[]", []),
    ("int4[]", [1, None]),
    ("int4[]", [[1, 2], [3, None]]),
    ("text[]", [NASTY, "", None, "NULL"]),
    ("uuid[]", [[[UUID(int=1)]]]),
    ("timestamptz[]", [datetime(2024, 1, 1, tzinfo=UTC)]),
    ("bytea[]", [b"\\", b""]),
    ("jsonb[]", [{"a": 1}, ["b"]]),
    ("mood[]", ["glad", None]),
    ("place[]", [("x", 1, None), None]),
    ("score[]", [1, 2]),
    ("span[]", [Range(0.5, 1.5)]),
    ("point[]", ["(1,2)"]),
]


@pytest.mark.parametrize(("type_", "value"), VALUES, ids=str)
def test_a_value_comes_back_as_it_went_in(
    connection: Connection, type_: str, value: object
) -> None:
    returned = one(connection, echo(type_), [value])

    assert returned == value
    assert type(returned) is type(value)


def test_an_encoder_says_why_it_refuses_a_value() -> None:
    types = ConnectionTypes()
    integers = types.get("int4[]")
    assert integers is not None

    with pytest.raises(Unbindable, match="expected int, got str"):
        make_encoder(integers, "utf-8").text([1, "2"])


def _find(connection: Connection, types: ConnectionTypes, name: str) -> None:
    if unknown := types.unknown([name]):
        question = types.question(connection.pgconn, unknown, "utf-8")
        types.learn(connection.wait(group(connection.pgconn, [question]))[0])


@pytest.mark.parametrize(("type_", "value"), VALUES, ids=str)
def test_its_text_form_means_the_same(connection: Connection, type_: str, value: object) -> None:
    types = ConnectionTypes()
    _find(connection, types, type_)
    pg_type = types.get(type_)
    assert pg_type is not None
    text = make_encoder(pg_type, "utf-8").text(value).decode()

    returned = one(connection, echo(type_), [AsText(text)])

    assert returned == value


@pytest.mark.parametrize("type_", sorted({type_ for type_, _ in VALUES}))
def test_none_is_null_of_every_type(connection: Connection, type_: str) -> None:
    assert one(connection, echo(type_), [None]) is None


@pytest.mark.parametrize(
    ("type_", "value", "reason"),
    [
        ("int2", 70000, "out of range, which is -32768 to 32767"),
        ("int8", 1 << 63, "out of range"),
        ("int4", True, "expected int, got bool"),
        ("int4", "1", "expected int, got str"),
        ("int4", 1.0, "expected int, got float"),
        ("float4", 1e300, "too large"),
        ("bool", 1, "expected bool, got int"),
        ("text", 1, "expected str, got int"),
        ("text", "a\0b", "a NUL character, which PostgreSQL has no place for"),
        ("text", "a\ud800", "character '\\ud800' at 1 has no form in utf-8"),
        ("json", {"a": "\ud800"}, "has no form in utf-8"),
        ("jsonb", {"a": float("nan")}, "Out of range float values"),
        ("jsonb", {"a": object}, "JSON has no form for type"),
        ("uuid", "00000000-0000-0000-0000-000000000001", "expected UUID, got str"),
        ("date", datetime(2024, 1, 1, tzinfo=UTC), "expected date, got datetime"),
        ("timestamp", datetime(2024, 1, 1, tzinfo=UTC), "without a time zone"),
        ("timestamptz", datetime(2024, 1, 1), "with a time zone"),  # noqa: DTZ001 - the point
        ("text[]", "abc", "expected a list, got str"),
        ("int4[]", [1, "2"], "expected int, got str"),
        ("int4[]", [[1], [2, 3]], "differ in length or in depth"),
        ("int4[]", [[1], 2], "differ in length or in depth"),
        ("int4[]", [[[[[[[1]]]]]]], "7 dimensions"),
        ("place", ("x", 1), "expected 3 values (street, number, moods), got 2"),
        ("int4range", (1, 5), "expected Range, got tuple"),
        ("int4range", Range(1, 1 << 40), "out of range"),
        ("interval", 5, "expected timedelta, got int"),
        ("bytea", "text", "expected bytes"),
        ("score", 70000, "out of range"),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_refused_by_its_parameter(
    connection: Connection, type_: str, value: object, reason: str
) -> None:
    with pytest.raises(BadValue) as refused:
        one(connection, echo(type_), [value])

    assert reason in refused.value.reason
    assert str(refused.value).startswith(f"things.tried: parameter 'value' ({type_}) cannot be ")
    assert connection.execute("select 1").fetchone() == (1,)


def test_a_long_value_is_not_shown_whole(connection: Connection) -> None:
    with pytest.raises(BadValue) as refused:
        one(connection, echo("uuid"), ["x" * 1_000_000])

    assert len(str(refused.value)) < 200


def test_what_was_checked_is_what_runs(connection: Connection) -> None:
    rounded = statement("select round($1, 2) as r", takes={"x": "numeric"}, gives={"r": "numeric"})

    assert one(connection, rounded, [1.005]) == Decimal("1.01")
    assert one(connection, rounded, [70000]) == Decimal("70000.00")


def test_a_percent_sign_is_sql(connection: Connection) -> None:
    found = statement(
        "select 'a%s' like 'a%' and 7 % $1 = 1 as yes", takes={"x": "int4"}, gives={"yes": "bool"}
    )

    assert one(connection, found, [3]) is True


def test_ten_megabytes_go_and_come(connection: Connection) -> None:
    text = "é" * 5_000_000

    assert one(connection, echo("text"), [text]) == text
    assert one(connection, echo("jsonb"), [{"text": text}]) == {"text": text}


def test_the_text_form_is_read_by_postgresql(connection: Connection) -> None:
    assert one(connection, echo("int4[]"), [AsText("{1,2}")]) == [1, 2]
    assert one(connection, echo("int4"), [AsText(" 5 ")]) == 5
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        one(connection, echo("int4"), [AsText("five")])


def test_the_text_form_is_never_sql(connection: Connection) -> None:
    text = "'); drop table things; --"

    assert one(connection, echo("text"), [AsText(text)]) == text


@dataclass(frozen=True, slots=True)
class Place:
    street: str | None
    number: int | None
    moods: list[str | None] | None


def test_a_dataclass_is_a_composite_value(connection: Connection) -> None:
    here = Place("Elm", 5, ["glad"])

    assert one(connection, echo("place", value=Place), [here]) == here
    assert one(connection, echo("place[]", value=list[Place | None]), [[here, None]]) == [
        here,
        None,
    ]


def test_the_wrapper_of_the_driver_is_looked_into(connection: Connection) -> None:
    assert one(connection, echo("jsonb"), [Jsonb({"a": 1})]) == {"a": 1}


def test_a_type_of_a_search_path_elsewhere_is_named(connection: Connection) -> None:
    with pytest.raises(UnknownType, match=r"things\.tried needs the type nowhere\.mood"):
        one(connection, echo("nowhere.mood"), ["near"])


def test_what_the_owner_registered_does_not_change_the_types(connection: Connection) -> None:
    connection.adapters.register_loader("int4", TextLoader)
    connection.adapters.register_loader("int4", TextBinaryLoader)

    assert one(connection, echo("int4"), [5]) == 5


def test_what_was_registered_for_all_does_not_change_them_either() -> None:
    script = (
        "import psycopg; from psycopg.types.string import TextBinaryLoader as Theirs; "
        "psycopg.adapters.register_loader('int4', Theirs); "
        "from dbkit.runtime.connectiontypes import ConnectionTypes; "
        "print(ConnectionTypes().adapters.get_loader(23, psycopg.pq.Format.BINARY).__name__)"
    )

    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert shown.stdout == "Int4BinaryLoader\n"


def test_another_client_encoding_is_spoken(typed_url: str) -> None:
    with psycopg.connect(typed_url, client_encoding="latin1") as connection:
        assert one(connection, echo("text"), ["é"]) == "é"
        with pytest.raises(BadValue, match="has no form in iso8859-1"):
            one(connection, echo("text"), ["漢"])


# the characters PostgreSQL has a place for
_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | _TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("text[]", st.lists(_TEXTS | st.none())),
        ("place", st.tuples(_TEXTS | st.none(), st.integers(-9, 9), st.none())),
        ("place[]", st.lists(st.tuples(_TEXTS, st.none(), st.just(["so so"])))),
        ("jsonb", _JSON),
        ("numeric", st.decimals(allow_nan=False, allow_infinity=False)),
        ("interval", st.timedeltas(timedelta(days=-99999), timedelta(days=99999))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_goes_in_comes_back_in_both_forms(
    connection: Connection, type_: str, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    value = data.draw(values)
    types = ConnectionTypes()
    _find(connection, types, type_)
    pg_type = types.get(type_)
    assert pg_type is not None
    text = make_encoder(pg_type, "utf-8").text(value).decode()

    assert one(connection, echo(type_), [value]) == value
    assert one(connection, echo(type_), [AsText(text)]) == value
