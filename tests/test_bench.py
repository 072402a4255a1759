"""The bench runs without the peers, and what it writes is whole and can be read."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import ROOT

_SVG = "{http://www.w3.org/2000/svg}"
# the width of a letter, on average, in DejaVu Sans, which is a wide font
_LETTER, _BOLD_LETTER = 6.8, 7.9


class Box(NamedTuple):
    """Where something stands in a picture."""

    what: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the smoke run printed, and the folder it wrote into."""
    folder = tmp_path_factory.mktemp("bench")
    ran = subprocess.run(
        [sys.executable, ROOT / "bench" / "calls.py", "--smoke", "--write", folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout, folder


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that writes what was measured."""
    monkeypatch.setattr("sys.path", [str(ROOT / "bench"), *sys.path])
    return import_module("results")


def _tables(page: str) -> list[list[list[str]]]:
    found = re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        for table in found
    ]


def _boxes(picture: str) -> list[Box]:
    root = ET.fromstring(picture)  # noqa: S314 - we wrote it
    boxes: list[Box] = []
    for shape in root:
        kind, get = shape.tag.removeprefix(_SVG), shape.attrib.get
        x, y = float(get("x", "0")), float(get("y", "0"))
        if kind == "text":
            text = shape.text or ""
            width = len(text) * (_BOLD_LETTER if get("class") == "title" else _LETTER)
            left = x - width if get("text-anchor") == "end" else x
            boxes.append(Box(text, left, y - 11, left + width, y + 3))
        elif kind == "rect":
            width, height = float(get("width", "0")), float(get("height", "0"))
            boxes.append(Box(f"bar {get('class')}", x, y, x + width, y + height))
        elif kind == "path":
            [(x, y, down)] = re.findall(r"M([\d.]+) ([\d.]+)v([\d.]+)", get("d", ""))
            boxes.append(Box("goal", float(x) - 1, float(y), float(x) + 1, float(y) + float(down)))
    return boxes


def _unreadable(picture: str) -> Iterator[str]:
    """Give what stands over something else, and what does not fit in."""
    root = ET.fromstring(picture)  # noqa: S314 - we wrote it
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = _boxes(picture)
    for box in boxes:
        if box.left < 0 or box.top < 0 or box.right > width or box.bottom > height:
            yield f"{box} does not fit"
    for box, other in combinations(boxes, 2):
        # a goal stands on a bar
        if box.meets(other) and not {box.what[:3], other.what[:3]} <= {"bar", "goa"}:
            yield f"{box} meets {other}"


def test_everything_is_measured_without_a_peer(run: tuple[str, Path]) -> None:
    printed, folder = run
    works = [line for line in printed.splitlines() if not line.startswith(" ")]
    page = (folder / "RESULTS.md").read_text()

    assert len(works) >= 15
    assert [work for work in works if work not in page] == []
    assert "the figures say nothing" in page


def test_a_page_has_whole_tables(run: tuple[str, Path]) -> None:
    _, folder = run

    tables = _tables((folder / "RESULTS.md").read_text())

    assert len(tables) > 10
    for head, _, *rows in tables:
        assert rows
        assert {len(row) for row in rows} == {len(head)}
    for _, _, *rows in tables[3:]:
        assert "dbkit" in {name for name, *_ in rows}
        assert all(float(figure.replace(",", "")) > 0 for _, *row in rows for figure in row)


def test_a_picture_can_be_read(run: tuple[str, Path]) -> None:
    _, folder = run
    picture = (folder / "RESULTS.svg").read_text()

    faults = [*_unreadable(picture)]

    assert faults == []


def test_a_picture_has_the_first_work_with_the_fastest_on_top(run: tuple[str, Path]) -> None:
    _, folder = run
    page = (folder / "RESULTS.md").read_text()
    names = [name for name, *_ in _tables(page)[3][2:]]

    boxes = _boxes((folder / "RESULTS.svg").read_text())

    assert [box.what for box in boxes if box.what in names][: len(names)] == names
    lengths = [box.right for box in boxes if box.what.startswith("bar")][: len(names)]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


@pytest.mark.parametrize("ratio", [0.01, 0.53, 0.6, 0.62, 2.4, 40.0])
def test_a_goal_crosses_no_value(results: ModuleType, ratio: float) -> None:
    compared = (results.Compared("libpq in C", ratio, 0.6, 1.0), results.Compared("b", 1, None))
    measured = results.Measured("one row by key, blocking", compared)

    picture = results.picture(results.Results([], [measured], []))

    assert [*_unreadable(picture)] == []
    assert f">{ratio:.2f}<" in picture


def test_what_was_not_measured_is_left_out(results: ModuleType) -> None:
    nothing = results.Results([("run", "none")], [], [])

    assert _boxes(results.picture(nothing)) == []
    assert "| run | none |" in results.page(nothing)


@pytest.mark.parametrize(
    "drawn",
    [
        '<text x="10" y="24">a</text><text x="12" y="30">b</text>',
        '<text x="95" y="24">too long</text>',
        '<text x="9" y="24" text-anchor="end">too long</text>',
        '<rect class="ours" x="10" y="20" width="50" height="14"/><text x="55" y="30">b</text>',
        '<path class="goal" d="M12 20v18"/><text x="10" y="30">b</text>',
    ],
)
def test_what_cannot_be_read_is_seen(drawn: str) -> None:
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="40">{drawn}</svg>'

    assert [*_unreadable(picture)]
