"""The text that is generated is what a careful person would have typed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from dbkit.queries.generating import generate_system, write_package
from dbkit.settings import System
from tests.conftest import ROOT

EXPECTED = ROOT / "tests" / "files" / "generating"


def ran(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def marked(path: Path) -> set[int]:
    lines = path.read_text().splitlines()
    return {number for number, line in enumerate(lines, start=1) if line.endswith("# wrong")}


@pytest.mark.parametrize("module", ["orders", "customers"])
def test_a_module_reads_as_expected(package: Path, module: str) -> None:
    text = (package / f"{module}.py").read_text()

    assert text == (EXPECTED / f"{module}.py.txt").read_text()


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


def test_mypy_accepts_right_calls_and_refuses_exactly_the_wrong(package: Path) -> None:
    written = _users(package)

    checked = ran("mypy", "--strict", *written, package, folder=package.parent)

    found = set(re.findall(r"(?m)^([\w/]+\.py):(\d+): error", checked.stdout))
    assert found == {("wrong.py", str(line)) for line in marked(written[1])}, checked.stdout


def test_pyright_accepts_right_calls_and_refuses_exactly_the_wrong(package: Path) -> None:
    written = _users(package)
    (package.parent / "pyrightconfig.json").write_text(
        json.dumps({"typeCheckingMode": "strict", "include": ["."]})
    )

    checked = ran("pyright", "--outputjson", "--pythonpath", sys.executable, folder=package.parent)

    said = json.loads(checked.stdout)["generalDiagnostics"]
    found = {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in said}
    assert found == {("wrong.py", line) for line in marked(written[1])}, said


def _users(package: Path) -> list[Path]:
    written: list[Path] = []
    for name in ("right.py", "wrong.py"):
        path = package.parent / name
        path.write_text((EXPECTED / f"{name}.txt").read_text())
        written.append(path)
    return written
