"""What of a script's layout does not count, and what does."""

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from dbkit.errors import SourceFault
from dbkit.sqltext import BLANK, normalise, tokens
from dbkit.sqltext.normal import normalise_any


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("", ""),
        ("-- a\n", ""),
        ("  select\r\n\t1 ;\n\n", "select 1 ;"),
        ("select/* a */1--b\n;", "select 1 ;"),
        ("select -- a\n  /* b */\n  1", "select 1"),
        ("a '-- b\n  c', \"d  /* e */\"", "a '-- b\n  c' , \"d  /* e */\""),
        ("a  $$\n -- b $$", "a $$\n -- b $$"),
        ("select  E'a\\'  b'  ,  1", "select E'a\\'  b' , 1"),
        ("- /* a */ - 1", "- - 1"),
        ("\\set x  1  \nselect  1;", "\\set x  1\nselect 1 ;"),
        ("copy t from stdin; -- a\n 1  2\n\n\\.\n  b  c", "copy t from stdin ;\n 1  2\n\n\\.\nb c"),
        ("copy t from stdin;\n \n", "copy t from stdin ;\n \n"),
        ("create table a(b int,c int);", "create table a ( b int , c int ) ;"),
        ("create table a (\n  b int,\n  c int\n);", "create table a ( b int , c int ) ;"),
        ("select\u00a0 1", "select\u00a0 1"),
    ],
)  # fmt: skip
def test_only_comments_and_white_space_outside_quotes_go(text: str, normal: str) -> None:
    assert normalise(text) == normal


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "'a  b'",
                    " E'\\'  '",
                    '"a  b"',
                    "$$  $$",
                    "(",
                    ")",
                    ";",
                    "1",
                    "a",
                    "+",
                    "-",
                    "e",
                ),
                *(" ", "  ", "\n", "\t", "-- c\n", "/* c */", ":'a'", ":b", "::", "create", "u&"),
            ]
        )
    ).map("".join)
)
def test_what_counts_is_the_same_afterwards(text: str) -> None:
    try:
        expected = significant(text)
    except SourceFault:
        reject()

    assert significant(normalise(text)) == expected
    assert normalise(normalise(text)) == normalise(text)


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "a",
                    "E",
                    "u&",
                    "é",
                    "1",
                    "1.",
                    ".5",
                    "$1",
                    "$$",
                    "'a b'",
                    "''",
                    "'\\'",
                    '"a"',
                    "::",
                ),
                *(
                    "(",
                    ")",
                    ",",
                    ";",
                    ".",
                    "..",
                    "=",
                    "<",
                    ">",
                    "-",
                    "*",
                    "/",
                    ":",
                    "&",
                    "\\",
                    "\r",
                ),
                *(" ", "\n", "-- c", "-- c\n", "/* c */", "copy", "from stdin", "_", "$"),
            ]
        )
    ).map("".join)
)
def test_a_plain_script_is_normalised_as_any_other(text: str) -> None:
    try:
        expected = normalise_any(text)
    except SourceFault:
        reject()

    assert normalise(text) == expected


def significant(text: str) -> list[str]:
    return [text[token.start : token.end] for token in tokens(text) if token.kind not in BLANK]


def test_what_cannot_be_read_cannot_be_normalised() -> None:
    with pytest.raises(SourceFault):
        normalise("select 'a")
