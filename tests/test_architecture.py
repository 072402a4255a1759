"""What docs/architecture.md and CONTRIBUTING.md say of the house is true of it."""

import re
import tomllib

import pytest

from tests.conftest import ROOT

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
# those of the example's own project are left out
_NAMED = re.findall(
    r"`(?!shop/)((?:[\w-]+/)*[\w-]+\.(?:py|sh|md|toml)|(?:dbkit|tests|sql|bench)/[\w/-]+)`",
    ARCHITECTURE + CONTRIBUTING,
)


def test_the_picture_shows_the_floors_that_the_linter_holds() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    [first, *_] = settings["tool"]["importlinter"]["contracts"]
    _, picture, _ = ARCHITECTURE.split("```\n", 2)

    shown = [re.split(r"  +", line.strip())[:-1] for line in picture.splitlines()]
    assert shown == [floor.split(" | ") for floor in first["layers"]]


@pytest.mark.parametrize("name", sorted(set(_NAMED)))
def test_a_file_or_folder_that_is_named_is_there(name: str) -> None:
    assert (ROOT / name).exists() or any((ROOT / "dbkit").rglob(name))


def test_a_target_that_is_named_is_one_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", CONTRIBUTING + ARCHITECTURE, re.MULTILINE))

    assert named
    assert named <= targets


def test_a_word_of_the_glossary_has_one_meaning() -> None:
    glossary = ARCHITECTURE.partition("\n## The words\n")[2]
    words = re.findall(r"^\| (?!word|---)([^|]+?) \|", glossary, re.MULTILINE)

    assert len(words) > 20
    assert len(words) == len(set(words))
