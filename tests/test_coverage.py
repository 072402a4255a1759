"""What docs/coverage.md names is there: every test, every file."""

import ast
import re
from functools import cache

import pytest

from tests.conftest import ROOT

_ROWS = [
    line
    for line in (ROOT / "docs" / "coverage.md")
    .read_text()
    .partition("\n## Left to")[0]
    .splitlines()
    if line.startswith("|") and not line.startswith(("| ---", "| the document says"))
]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_FILE = re.compile(r"`((?:migrations|sql|dbkit|bench)/[\w/.*-]+)`")


@cache
def _tests_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row[2:60])
def test_a_line_of_a_document_names_a_test_and_files_that_are_there(row: str) -> None:
    named = _TEST.findall(row)

    assert named
    for path, name in named:
        assert name in _tests_in(path)
    for path in _FILE.findall(row):
        assert any(ROOT.glob(path)), path


def test_every_test_file_that_the_page_names_is_there() -> None:
    text = (ROOT / "docs" / "coverage.md").read_text()

    named = set(re.findall(r"`(tests/[\w/]+\.py)", text))
    assert {path for path in named if not (ROOT / path).is_file()} == set()


def test_every_query_file_is_a_documents_or_serves_one() -> None:
    text = (ROOT / "docs" / "coverage.md").read_text()
    subjects = {path.parent for path in (ROOT / "sql").glob("*/*/*.sql")}

    missing = {
        folder.relative_to(ROOT).as_posix()
        for folder in subjects
        if folder.name != "_objects" and f"{folder.relative_to(ROOT).as_posix()}/" not in text
    }

    assert missing == set()
