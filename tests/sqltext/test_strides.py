"""What is passed over in one stride is cut as the tokens cut it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.errors import SourceFault
from dbkit.sqltext import ScriptCommand, ScriptStatement, Source, split
from dbkit.sqltext.reader import split_by_tokens
from tests.sqltext.pieces import JOINTS, PIECES, SCRIPT

ROOT = Path(__file__).parents[2]
FILES = [
    path
    for folder in ("migrations", "sql", "tests")
    for path in sorted((ROOT / folder).rglob("*.sql"))
]
TEXTS = [path.read_bytes().decode(errors="replace") for path in FILES]
# beside what a piece hides, what a whole statement does
STATEMENTS = [
    "insert into t (a, \"b\") values (1, 'it''s'), (-2, e'\\'');\n",
    "insert into t values " + "(1, 'a;b', (2)), " * 130 + "(3, E'\\';');\n",
    "insert into t values (" + "'a''b', " * 60 + "1);\n",
    "/* a */ create table t (a text check (length(trim(a)) > 0), b int); -- c\n",
    "create or replace function f() returns int as $b$ select ';' $b$ language sql;\n",
    "create procedure p() begin atomic select case when a then 1 end; end;\n",
    "update t set a = 'x' where b = 'y\\';\n",
]


def until_fault(items: Iterator[ScriptStatement | ScriptCommand]) -> list[object]:
    found: list[object] = []
    try:
        found.extend(items)
    except SourceFault as fault:
        found.append((type(fault), str(fault)))
    return found


def assert_agreed(text: str) -> None:
    for standard in (True, False):
        strides = split(Source("x.sql", text), standard_conforming_strings=standard)
        pieces = split_by_tokens(Source("x.sql", text), standard_conforming_strings=standard)
        assert until_fault(strides) == until_fault(pieces)


@pytest.mark.parametrize("text", TEXTS, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_a_file_of_this_repository_is_cut_as_its_tokens_are(text: str) -> None:
    assert_agreed(text)


@given(st.lists(SCRIPT | st.sampled_from(STATEMENTS), max_size=4).map("".join))
def test_a_generated_script_is_cut_as_its_tokens_are(text: str) -> None:
    assert_agreed(text)


@given(st.data())
def test_a_file_with_a_piece_put_into_it_is_cut_as_its_tokens_are(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([*TEXTS, "".join(STATEMENTS)]))
    start = data.draw(st.integers(0, len(text)))
    text = text[start : start + 2000]
    for _ in range(data.draw(st.integers(1, 3))):
        offset = data.draw(st.integers(0, len(text)))
        taken = data.draw(st.integers(0, 3))
        put = data.draw(st.sampled_from(PIECES)) + data.draw(st.sampled_from(JOINTS))
        text = text[:offset] + put + text[offset + taken :]

    assert_agreed(text)
