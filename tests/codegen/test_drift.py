"""A file that would be written otherwise is shown by the first line that differs."""

from pathlib import Path

import pytest

from dbkit.codegen import Drift, find_drift


@pytest.mark.parametrize(
    ("now", "line", "message"),
    [
        ("first\nother\n", 2, "would be `other` now"),
        ("first\n\nsecond\n", 2, "would be empty now"),
        ("first\n", 2, "would be gone now"),
        ("first\nsecond\nthird\n", 3, "would be `third` now"),
        ("first\nsecond", None, "differs in the ends of its lines"),
    ],
)
def test_the_first_line_that_differs_is_told(
    tmp_path: Path, now: str, line: int | None, message: str
) -> None:
    path = tmp_path / "orders.py"
    path.write_text("first\nsecond\n")

    assert find_drift({path: now}) == (Drift(path, line, None, message),)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "orders.py"

    assert find_drift({path: "first\n"}) == (Drift(path, None, None, "is not there"),)


def test_the_same_text_is_no_drift(tmp_path: Path) -> None:
    path = tmp_path / "orders.py"
    path.write_text("first\n")

    assert find_drift({path: "first\n"}) == ()
