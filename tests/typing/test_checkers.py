"""Both type checkers accept what a user writes, and refuse what is wrong, line by line."""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

HERE = ROOT / "tests" / "typing"
USERS = sorted(path for path in HERE.glob("*.py") if not path.name.startswith("test_"))
MARKED = {
    (path.name, number)
    for path in USERS
    for number, line in enumerate(path.read_text().splitlines(), start=1)
    if "# wrong: " in line
}


def test_mypy_refuses_exactly_the_marked_lines() -> None:
    said = [json.loads(line) for line in _said_by("mypy", "--output=json", *USERS)]

    found = {(Path(one["file"]).name, one["line"]) for one in said if one["severity"] == "error"}
    assert found == MARKED, said


def test_pyright_refuses_exactly_the_marked_lines() -> None:
    # the project's settings leave wrong modules out, whoever names them; those here do not
    lines = _said_by("pyright", "--outputjson", "--project", HERE)
    said = json.loads("\n".join(lines))["generalDiagnostics"]

    found = {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in said}
    assert found == MARKED, said


def test_only_wrong_modules_have_marked_lines_and_every_one_of_them_has() -> None:
    wrong = {path.name for path in USERS if path.name.startswith("wrong_")}

    assert wrong == {name for name, _ in MARKED}
    assert len(USERS) - len(wrong) >= len(wrong)


def _said_by(checker: str, *arguments: str | Path) -> list[str]:
    """Run a checker on all of the files at once, as strict as it is with the project's own."""
    ran = subprocess.run(
        [sys.executable, "-m", checker, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    return ran.stdout.splitlines()
