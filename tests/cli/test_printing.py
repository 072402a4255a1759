"""Counts and values are printed as a person reads them, and a terminal obeys none of them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dbkit.cli.printing import count_of, printable, text_value


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (2000, ("row",), "2,000 rows"),
        (1, ("query", "queries"), "1 query"),
        (2, ("query", "queries"), "2 queries"),
    ],
)
def test_one_is_one_and_many_are_many(number: int, words: tuple[str, ...], text: str) -> None:
    assert count_of(number, *words) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("a text", "a text"),
        (Decimal("1.10"), "1.10"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02 03:04:00+00:00"),
        ({"tags": ["é", 1]}, '{"tags": ["é", 1]}'),
        (b"\x01\xff", "\\x01ff"),
    ],
)
def test_a_cell_is_text_and_its_parts_are_json(value: object, text: str) -> None:
    assert text_value(value) == text


def test_control_characters_are_escaped_and_line_ends_kept() -> None:
    assert printable("red \x1b[31m\nno\ttab") == "red \\x1b[31m\nno\ttab"
