"""The examples of docs/observing.md run as they are written, and print what is shown."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dbkit
from dbkit.database import connect
from tests.conftest import ROOT
from tests.test_readme import Block, blocks

_QUERIES = {
    "add": "-- Adds a note.\n-- :exec\ninsert into notes (text) values (:'text');\n",
    "list_recent": "-- All notes.\n-- :many\nselect id, text from notes order by id;\n",
    "ponder": "-- Takes its time.\n-- :many\nselect n from generate_series(1, 9) as n;\n",
}
BLOCKS = list(blocks((ROOT / "docs" / "observing.md").read_text()))


@pytest.fixture
def names(empty_url: str, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What the examples know: a connection, and the queries on notes."""
    folder = tmp_path / "sql" / "shop" / "notes"
    folder.mkdir(parents=True)
    for name, text in _QUERIES.items():
        (folder / f"{name}.sql").write_text(text)
    queries = dbkit.load(folder.parent, root=tmp_path)
    notes = SimpleNamespace(**{name: queries[f"notes.{name}"] for name in _QUERIES})
    with connect(empty_url) as connection:
        connection.execute(
            "create table notes (id int generated always as identity primary key, text text)"
        )
        yield {"connection": connection, "notes": notes, "url": empty_url}


def test_the_examples_print_what_is_shown(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = [*BLOCKS[1:], Block("", "", None)]
    for block, next_block in zip(BLOCKS, shown, strict=True):
        if block.language != "python":
            continue
        exec(compile(block.text, "docs/observing.md", "exec"), names)  # noqa: S102 - the page's own
        if next_block.language == "text":
            pattern = re.escape(next_block.text).replace("…", r"\S+")
            assert re.fullmatch(pattern, capsys.readouterr().out), block.text
