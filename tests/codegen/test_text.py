"""The text that is generated is what a careful person would have typed."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from dbkit.codegen import generate_system, write_package
from dbkit.settings import System
from tests.conftest import ROOT

# what users in tests/typing call
EXPECTED = ROOT / "tests" / "files" / "generating" / "shopqueries"


def ran(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.parametrize("name", sorted(path.name for path in EXPECTED.glob("*.*")))
def test_a_file_reads_as_expected(package: Path, name: str) -> None:
    text = (package / name).read_text()

    assert text == (EXPECTED / name).read_text()


def test_nothing_else_is_written(package: Path) -> None:
    written = {path.name for path in package.glob("*.*")}

    assert written == {path.name for path in EXPECTED.glob("*.*")}


def test_the_text_is_the_same_each_time(
    root: Path, system: System, shop: psycopg.Connection
) -> None:
    first = generate_system(system, root, shop)
    second = generate_system(system, root, shop)
    write_package(first)

    again = write_package(second)

    assert first == second
    assert (again.changed, again.removed) == ((), ())


@pytest.mark.parametrize("width", ["88", "100"])
def test_ruff_finds_nothing_to_mend(package: Path, width: str) -> None:
    options = ("--isolated", "--no-cache", "--line-length", width, package)

    formatted = ran("ruff", "format", "--check", *options, folder=package.parent)
    linted = ran("ruff", "check", "--select", "I,E,F,UP,RUF036", *options, folder=package.parent)

    assert formatted.returncode == 0, formatted.stdout
    assert linted.returncode == 0, linted.stdout
