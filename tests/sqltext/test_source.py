"""Files become text, and offsets become places."""

import pytest

from dbkit.errors import SourceError
from dbkit.sqltext import Source, caret, decode
from dbkit.sqltext.errors import NulCharacter, UndecodableFile
from dbkit.sqltext.source import Position


def test_a_byte_order_mark_is_removed() -> None:
    assert decode(b"\xef\xbb\xbfselect '\xc3\xa9'", "x.sql") == "select 'é'"


def test_a_byte_that_is_not_utf8_is_pointed_at() -> None:
    with pytest.raises(UndecodableFile) as raised:
        decode("select 1;\nselect 'é".encode() + b"\xe9\xff';\n", "x.sql")

    fault = raised.value
    assert str(fault) == "x.sql:2:10: byte 0xe9 is not UTF-8; save the file as UTF-8"
    assert fault.snippet.splitlines()[1] == " " * 9 + "^"
    assert isinstance(fault, SourceError)


def test_a_nul_is_refused() -> None:
    with pytest.raises(NulCharacter) as raised:
        decode(b"select 1;\n\tselect 'a\0b';\n", "x.sql")

    assert (raised.value.line, raised.value.column) == (2, 11)


@pytest.mark.parametrize(
    ("offset", "position"),
    [(0, (1, 1)), (1, (1, 2)), (2, (1, 3)), (3, (2, 1)), (4, (3, 1)), (6, (3, 3)), (8, (4, 1))],
)
def test_an_offset_has_a_line_and_a_column(offset: int, position: tuple[int, int]) -> None:
    source = Source("x.sql", "aé\n\nbc\r\n")

    assert source.position(offset) == Position(*position)


def test_a_line_comes_without_its_end() -> None:
    source = Source("x.sql", "a\n\nbc\r\nd")

    assert [source.line(number) for number in (1, 2, 3, 4)] == ["a", "", "bc", "d"]


def test_the_caret_stands_below_its_column_behind_tabs() -> None:
    source = Source("x.sql", "a\n\t\tb c\n")

    shown = caret(source, source.text.index("c"), "what is c")

    assert shown == "x.sql:2:5: what is c\n\t\tb c\n\t\t  ^"


def test_the_caret_stands_behind_characters_of_two_columns_and_of_none() -> None:
    source = Source("x.sql", "'日本', 'e\u0301' !")

    shown = caret(source, source.text.index("!"), "look")

    assert shown.splitlines()[2] == " " * len("'....', '.' ") + "^"


def test_of_a_very_long_line_only_the_surroundings_are_shown() -> None:
    source = Source("x.sql", "a" * 100_000 + "!" + "b" * 100_000)

    _, line, pointer = caret(source, 100_000, "look").split("\n")

    assert len(line) < 200
    assert line[pointer.index("^")] == "!"
