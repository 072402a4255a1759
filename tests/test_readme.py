"""The README's project runs in an empty folder as it is written, and prints what is shown."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dbkit.server import Binaries
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text()
# what a test environment has already
INSTALLATION = "pip install 'dbkit[embedded]'\n"
# the path stands in the text above its block
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PATH = re.compile(r"`((?:[\w-]+/)*[\w.-]+\.(?:sql|py|toml))`")
_CONNECTED = """
import os
import psycopg
connection = psycopg.connect(os.environ["SHOP_DATABASE_URL"])
"""


class Block(NamedTuple):
    """A fenced block: its language, its text, and the path that is named above it."""

    language: str
    text: str
    path: str | None


def blocks(text: str) -> Iterator[Block]:
    end = 0
    for match in _FENCE.finditer(text):
        named = _PATH.findall(text[end : match.start()].strip().rpartition("\n\n")[2])
        yield Block(match[1], match[2], named[-1] if named else None)
        end = match.end()


def section(heading: str) -> str:
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


FIRST = list(blocks(TEXT.partition("\n## ")[0]))
OWN = list(blocks(section("A project of your own")))
QUERIES = list(blocks((ROOT / "docs" / "queries.md").read_text()))


class Reader:
    """A person who follows the README in a folder of their own."""

    def __init__(self, folder: Path, binaries: Binaries) -> None:
        self.folder = folder
        programs = [Path(sys.executable).parent, binaries.bin, os.environ["PATH"]]
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join(map(str, programs)),
            "PYTHONPATH": str(ROOT),
            "DBKIT_POSTGRES": str(binaries.bin),
        }
        self.environment.pop("SHOP_DATABASE_URL", None)

    def write(self, block: Block) -> None:
        assert block.path is not None
        path = self.folder / block.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def follow(self, block: Block) -> None:
        """Run what stands behind each `$`, and hold what is printed against the lines below it."""
        for step in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = step.partition("\n")
            printed = self.run(command)
            pattern = re.escape(shown).replace("…", r"\S+")
            assert re.fullmatch(pattern, printed), f"$ {command}\n{printed}"

    def run(self, command: str) -> str:
        ran = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        assert ran.returncode == 0, f"$ {command}\n{ran.stdout}"
        return "".join(f"{line.rstrip()}\n" for line in ran.stdout.rstrip().splitlines())


@pytest.fixture
def reader(tmp_path: Path, binaries: Binaries) -> Iterator[Reader]:
    """A reader in an empty folder, who leaves no server behind."""
    reader = Reader(tmp_path, binaries)
    yield reader
    reader.run("dbkit server reset --yes --force")


def test_the_project_of_the_readme_goes_from_an_empty_folder_to_a_typed_row(
    reader: Reader,
) -> None:
    query, in_psql, in_python = FIRST
    installing, *steps = OWN

    assert installing.text == INSTALLATION
    reader.write(query)
    for block in steps:
        if block.language == "console":
            reader.follow(block)
        else:
            reader.write(block)

    reader.follow(in_psql)
    called = _CONNECTED + in_python.text
    (reader.folder / "called.py").write_text(called)
    assert reader.run('SHOP_DATABASE_URL="$(dbkit url shop)" python called.py') == "1 None\n"

    # docs/queries.md goes on with the same query
    [generated] = [block for block in QUERIES if block.text.startswith("_LIST_RECENT")]
    assert QUERIES[0].text == query.text
    assert generated.text in (reader.folder / "shop" / "queries" / "orders.py").read_text()


def test_a_query_file_and_its_call_stand_on_the_first_screen() -> None:
    query, in_psql, in_python = FIRST

    shown = TEXT[: TEXT.index(in_python.text) + len(in_python.text)]
    assert query.path == "sql/shop/orders/list_recent.sql"
    assert in_psql.language == "console"
    assert in_python.language == "python"
    assert len(shown.splitlines()) <= 50
