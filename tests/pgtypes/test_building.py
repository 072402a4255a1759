"""JSON becomes the type that is asked for, or its fault is told by its place."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from types import GenericAlias
from typing import Any, Literal, NotRequired, TypedDict
from uuid import UUID

import pytest

from dbkit.pgtypes import Json, Unfit, builder, json_reader, json_text, named_type


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    id: UUID
    colour: Colour = Colour.RED


@dataclass(frozen=True, slots=True)
class Outer:
    inner: Inner | None
    price: Decimal
    many: list[Inner]
    named: dict[str, int] = field(default_factory=dict[str, int])
    rest: Json = None


class Keys(TypedDict):
    a: int
    b: NotRequired[date]


ID = "00000000-0000-0000-0000-000000000001"
INNER = Inner(UUID(ID))


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int, "1", 1),
        (float, "1", 1.0),
        (float, "0.1", 0.1),
        (float, '"NaN"', pytest.approx(float("nan"), nan_ok=True)),
        (Decimal, "0.10000000000000000000001", Decimal("0.10000000000000000000001")),
        (str, '"x"', "x"),
        (bool, "true", True),
        (bytes, r'"\\x00ff"', b"\x00\xff"),
        (UUID, f'"{ID}"', UUID(ID)),
        (datetime, '"2024-01-01T00:00:00+00:00"', datetime(2024, 1, 1, tzinfo=UTC)),
        (date, '"2024-01-01"', date(2024, 1, 1)),
        (time, '"01:02:03"', time(1, 2, 3)),
        (int | None, "null", None),
        (int | str, '"x"', "x"),
        (Literal["a", 1], "1", 1),
        (list[int | None], "[1, null]", [1, None]),
        (tuple[int, str], '[1, "x"]', (1, "x")),
        (dict[str, float], '{"a": 1}', {"a": 1.0}),
        (Any, '{"a": 1.5}', {"a": 1.5}),
        (Colour, '"red"', Colour.RED),
        (Keys, '{"a": 1, "more": 2}', {"a": 1}),
        (Keys, '{"a": 1, "b": "2024-01-01"}', {"a": 1, "b": date(2024, 1, 1)}),
        (
            Outer,
            f'{{"inner": {{"id": "{ID}"}}, "price": 1.10, "many": [], "rest": [0.5]}}',
            Outer(INNER, Decimal("1.10"), [], {}, [0.5]),
        ),
    ],
    ids=str,
)
def test_json_is_read_as_a_type(annotation: object, text: str, value: object) -> None:
    built = json_reader(annotation)(text, "$")

    assert built == value
    assert isinstance(built, type(value)) or annotation is float


@pytest.mark.parametrize(
    ("annotation", "text", "fault"),
    [
        (int, "true", "$: expected int, got True"),
        (int, "1.5", "$: expected int, got Decimal('1.5')"),
        (int, '"1"', "$: expected int, got '1'"),
        (float, '"1"', "$: expected float, got '1'"),
        (str, "1", "$: expected str, got 1"),
        (UUID, '"x"', "$: expected UUID, got 'x'"),
        (date, '"2024-13-01"', "$: expected date"),
        (int | None, '"x"', "$: expected int, got 'x'"),
        (int | str, "[]", "$: expected int or str, got []"),
        (Literal["a"], '"b"', "$: expected one of 'a', got 'b'"),
        (list[int], '[1, "x"]', "$[1]: expected int, got 'x'"),
        (list[int], "{}", "$: expected a list, got {}"),
        (tuple[int, str], "[1]", "$: expected 2 values, got [1]"),
        (Colour, '"blue"', "$: expected a value of Colour, got 'blue'"),
        (Keys, "{}", "$: expected Keys with 'a', got {}"),
        (Inner, "{}", "$: expected Inner with 'id', got {}"),
        (Inner, "[]", "$: expected an object for Inner, got []"),
        (Outer, '{"inner": {"id": 1}}', "$.inner.id: expected UUID, got 1"),
    ],
    ids=str,
)
def test_json_that_does_not_fit_is_told_by_its_place(
    annotation: object, text: str, fault: str
) -> None:
    with pytest.raises(Unfit) as refused:
        json_reader(annotation)(text, "$")

    assert str(refused.value).startswith(fault)


def test_a_long_value_is_not_shown_whole() -> None:
    with pytest.raises(Unfit) as refused:
        json_reader(int)(json.dumps("x" * 10_000), "$")

    assert len(str(refused.value)) < 100


def test_a_tuple_of_fields_is_built_in_order() -> None:
    assert builder(Inner)((UUID(ID), "red"), "$") == INNER
    with pytest.raises(Unfit, match=r"expected 2 fields of Inner"):
        builder(Inner)((UUID(ID),), "$")


def test_a_type_that_json_cannot_become_is_refused() -> None:
    with pytest.raises(TypeError, match="is not a type that JSON can become"):
        builder("Inner")


def test_a_type_is_found_by_its_dotted_name() -> None:
    assert named_type("uuid.UUID") is UUID
    assert named_type("dict") is dict


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (INNER, f'{{"id": "{ID}", "colour": "red"}}'),
        ({"at": datetime(2024, 1, 1, tzinfo=UTC)}, '{"at": "2024-01-01T00:00:00+00:00"}'),
        ([Decimal("1.5"), Decimal("1e20"), (1, "é")], '[1.5, 100000000000000000000, [1, "é"]]'),
    ],
    ids=str,
)
def test_a_value_is_written_as_json(value: object, text: str) -> None:
    assert json_text(value) == text


@pytest.mark.parametrize(
    "value", [Decimal("0.10000000000000000000001"), float("inf"), {1: object}, b"x"], ids=str
)
def test_what_json_would_change_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_text(value)


def test_a_msgspec_struct_is_checked_by_msgspec() -> None:
    msgspec = pytest.importorskip("msgspec")
    model: Any = msgspec.defstruct("Made", [("id", UUID), ("size", float)])

    many = GenericAlias(list, (model,))

    built = json_reader(many)(f'[{{"id": "{ID}", "size": 1.5}}]', "$")

    assert built == [model(UUID(ID), 1.5)]
    assert json.loads(json_text(built)) == [{"id": ID, "size": 1.5}]
    with pytest.raises(Unfit, match=r"^\$\[0\]: expected Made \(.*size"):
        json_reader(many)(f'[{{"id": "{ID}"}}]', "$")


def test_a_pydantic_model_is_checked_by_pydantic() -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Made", id=(UUID, ...), size=(float, ...))

    built = json_reader(model | None)(f'{{"id": "{ID}", "size": 1.5}}', "$")

    assert built == model(id=UUID(ID), size=1.5)
    assert json.loads(json_text(built)) == {"id": ID, "size": 1.5}
    with pytest.raises(Unfit, match=r"^\$: expected Made \(.*size"):
        json_reader(model)(f'{{"id": "{ID}"}}', "$")
