"""The commands of docs/bringing.md do what the page says."""

import re
import shutil

import pytest

from tests.conftest import ROOT
from tests.project import Project
from tests.test_readme import Reader, blocks, reader

__all__ = ["reader"]

_PAGE = (ROOT / "docs" / "bringing.md").read_text()
_STEPS = list(blocks(_PAGE.partition("\n## What is written")[0]))
_COMMANDS = re.findall(r"^\| `dbkit (import ([\w-]+) (\S+) shop)`", _PAGE, re.MULTILINE)


def test_the_project_of_the_page_is_brought_here(reader: Reader) -> None:
    for block in _STEPS:
        if block.language == "console":
            reader.follow(block)
        else:
            path = reader.folder / str(block.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)


@pytest.mark.parametrize(("command", "name", "folder"), _COMMANDS)
def test_the_command_of_a_format_brings_its_files_here(
    project: Project, command: str, name: str, folder: str
) -> None:
    shutil.copytree(
        ROOT / "tests" / "files" / "importing" / name, project.root / folder, dirs_exist_ok=True
    )

    ran = project.dbkit(*command.split())

    assert ran.returncode == 0, ran
    assert "make the same schema" in ran.stdout


def test_every_format_stands_on_the_page() -> None:
    from dbkit.operations import HISTORY_FORMATS  # noqa: PLC0415

    assert sorted(name for _, name, _ in _COMMANDS) == sorted(HISTORY_FORMATS)
