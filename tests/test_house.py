"""The rules of the house, because a rule without a test decays."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dbkit
from tests.conftest import ROOT

LONGEST = 800
PACKAGE = ROOT / "dbkit"
MODULES = sorted(
    path
    for folder in ("dbkit", "tests", "bench")
    for path in (ROOT / folder).rglob("*.py")
    # generated: as long as their SQL
    if not path.is_relative_to(PACKAGE / "systems") and path.parent.name != "shopqueries"
)
PACKAGES = sorted(
    module.name for module in pkgutil.walk_packages(dbkit.__path__, "dbkit.") if module.ispkg
)
FORWARD = sorted(
    path for path in (ROOT / "migrations").rglob("*.sql") if not path.name.endswith(".rollback.sql")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_its_sentence_and_stays_a_room(path: Path) -> None:
    text = path.read_text()
    docstring = ast.get_docstring(ast.parse(text))

    assert docstring
    assert docstring.splitlines()[0].endswith((".", "?"))
    assert len(text.splitlines()) <= LONGEST


def test_what_a_front_door_offers_is_there() -> None:
    doors = [dbkit, *map(importlib.import_module, PACKAGES)]

    missing = [
        f"{door.__name__}.{name}"
        for door in doors
        for name in getattr(door, "__all__", [])
        if not hasattr(door, name)
    ]

    assert missing == []


@pytest.mark.parametrize("path", FORWARD, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_migration_says_why_in_its_first_line_and_can_be_undone(path: Path) -> None:
    first = path.read_text().splitlines()[0]

    assert re.match(r"-- \S", first)
    assert path.with_name(f"{path.stem}.rollback.sql").is_file()


def test_what_is_generated_is_what_the_query_files_say() -> None:
    command = [sys.executable, "-m", "dbkit", "generate", "--check"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
