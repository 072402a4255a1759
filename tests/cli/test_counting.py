"""What is counted reads as a person writes it."""

import pytest

from dbkit.cli.counting import count_of


@pytest.mark.parametrize(
    ("number", "words", "told"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (2000, ("row",), "2,000 rows"),
        (1, ("query", "queries"), "1 query"),
        (2, ("query", "queries"), "2 queries"),
    ],
)
def test_one_is_one_and_many_are_many(number: int, words: tuple[str, ...], told: str) -> None:
    assert count_of(number, *words) == told
