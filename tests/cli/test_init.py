"""A project that `dbkit init` wrote passes its own checks, and loses nothing that was there."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbkit.server import Binaries
from tests.cli.seen import refusal

FILES = [
    ".github/workflows/database.yml",
    ".gitignore",
    ".pre-commit-config.yaml",
    "migrations/my_shop/0001_create_notes.rollback.sql",
    "migrations/my_shop/0001_create_notes.sql",
    "pyproject.toml",
    "sql/my_shop/notes/add.sql",
    "sql/my_shop/notes/list_recent.sql",
    "tests/test_notes.py",
]


class Newcomer:
    """A person with an empty home in an empty folder."""

    def __init__(self, folder: Path, binaries: Binaries) -> None:
        self.folder = folder
        folder.mkdir()
        (folder.parent / "home").mkdir()
        programs = [str(Path(sys.executable).parent), str(binaries.bin), os.environ["PATH"]]
        self.environment = {"PATH": ":".join(programs), "HOME": str(folder.parent / "home")}

    def types(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def files(self) -> list[str]:
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in found)


@pytest.fixture
def newcomer(tmp_path: Path, binaries: Binaries) -> Iterator[Newcomer]:
    person = Newcomer(tmp_path / "My-shop", binaries)
    yield person
    person.types("dbkit", "server", "reset", "--yes", "--force")


def test_the_project_passes_its_own_check_and_test(newcomer: Newcomer) -> None:
    begun = newcomer.types("dbkit", "init")
    written = newcomer.files()
    steps = [
        newcomer.types("dbkit", "migrate"),
        newcomer.types("dbkit", "generate"),
        newcomer.types("dbkit", "generate", "--check"),
        newcomer.types("dbkit", "check"),
        newcomer.types(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        newcomer.types("dbkit", "rollback", "my_shop"),
    ]

    assert begun.returncode == 0, begun.stderr
    assert begun.stdout.endswith("next: dbkit migrate && dbkit generate && pytest\n")
    assert written == FILES
    for step in steps:
        assert step.returncode == 0, (step.args, step.stdout, step.stderr)
    assert "no findings" in steps[3].stdout
    assert "1 passed" in steps[4].stdout


def test_nothing_is_overwritten(newcomer: Newcomer) -> None:
    (newcomer.folder / "pyproject.toml").write_text('[project]\nname = "shop"')
    (newcomer.folder / ".gitignore").write_text("*.pyc\n.dbkit/\n")
    (newcomer.folder / "tests").mkdir()
    (newcomer.folder / "tests" / "test_notes.py").write_text("# mine\n")

    begun = newcomer.types("dbkit", "init", "--name", "shop")

    settings = tomllib.loads((newcomer.folder / "pyproject.toml").read_text())
    assert settings["project"] == {"name": "shop"}
    assert settings["tool"]["dbkit"]["systems"] == {"shop": {"package": "shop.queries"}}
    assert (newcomer.folder / "tests" / "test_notes.py").read_text() == "# mine\n"
    assert (newcomer.folder / ".gitignore").read_text() == "*.pyc\n.dbkit/\nbackups/\n"
    assert "tests/test_notes.py left as it is" in begun.stdout
    assert "pyproject.toml extended" in begun.stdout


def test_a_project_is_begun_once(newcomer: Newcomer) -> None:
    newcomer.types("dbkit", "init")
    before = newcomer.files()

    assert "is a project's already" in refusal(newcomer.types("dbkit", "init"))
    assert newcomer.files() == before


def test_a_name_that_no_system_can_have_is_refused(newcomer: Newcomer) -> None:
    ran = newcomer.types("dbkit", "init", "--name", "2 shops")

    assert "'2 shops' cannot be the name of a system" in refusal(ran)
    assert newcomer.files() == []


def test_who_has_no_project_is_told_how_to_begin_one(newcomer: Newcomer) -> None:
    ran = newcomer.types("dbkit", "migrate")

    assert ran.returncode == 64
    assert "begin a project here with: dbkit init" in ran.stderr
