"""Large and malicious scripts: a reader that looks twice at each character would never end here."""

import tracemalloc
from collections.abc import Callable

import pytest

from dbkit.sqltext import Source, split, tokens
from dbkit.sqltext.errors import UnclosedText

MANY = 50_000
ROW = "(1, 'it''s; one', now(), '{\"a\": 1}'::jsonb)"


def read_statements(text: str) -> None:
    for _ in split(Source("x.sql", text)):
        pass


def read_tokens(text: str) -> None:
    for _ in tokens(text):
        pass


READERS = pytest.mark.parametrize("read", [read_statements, read_tokens])


@READERS
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "select " + "(" * MANY,
        "select " + "(" * MANY + ")" * MANY + ";",
        "select " + ")" * MANY,
        "select " + "''" * MANY,
        "select E'" + "\\'" * MANY + "'",
        'select "' + '""' * MANY + '"',
        "/*" * MANY + "*/" * MANY,
        "select " + "/**/" * MANY,
        "select " + "-/**/" * MANY,
        "select " + "+-" * MANY,
        "select " + "-+" * MANY + "--",
        "select " + "--\r" * MANY,
        "select 'a'" + "--\r" * MANY,
        "select " + "'a' \r" * MANY,
        "select " + "$a" * MANY,
        "select " + "$a " * MANY,
        "select $" + "a" * MANY + "$;$" + "a" * MANY + "$",
        "select $a$" + "$b" * MANY + "$a$",
        "select " + "1_" * MANY,
        "select " + "1.." * MANY,
        "select " + ":" * MANY,
        "select " + ":{?" * MANY,
        "select " + "a:'b " * MANY,
        "select " + "u&" * MANY,
        "create function f() begin " + "case " * MANY + "end " * MANY + "; end;",
        "copy (" + "a " * MANY + ") to stdout",
        "copy " + "a " * MANY,
        "select " + "\\;" * MANY,
        "\\echo " * MANY,
        "\\g (" * MANY,
        "\\echo '" + "\\'" * MANY,
        ";" * MANY,
        " " * MANY + ";",
        "copy t from stdin;" * 1000 + "\n" + "\\.\n" * 1000,
        "copy t from stdin;\n" + "\\. \n" * MANY,
        "set standard_conforming_strings = on;\n" * 5000,
        "select 1;\n" + "-- a\n" * 10 * MANY,
        "select 1\n" + "-- a\n" * 10 * MANY,
    ],
    ids=lambda text: f"{text[:12]!r}-{text[-6:]!r}",
)
def test_reading_ends(read: Callable[[str], None], text: str) -> None:
    read(text)


@READERS
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    ["/*" * MANY, "'" * (MANY + 1), "'a" + "\n" * MANY, "$a$" + "$b$" * MANY, '"' + " " * MANY],
    ids=lambda text: repr(text[:6]),
)
def test_what_is_never_closed_is_found_out(read: Callable[[str], None], text: str) -> None:
    with pytest.raises(UnclosedText):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        f"insert into t values {ROW};\n" * 10_000,
        "insert into t values\n" + f"{ROW},\n" * 20_000 + f"{ROW};",
        "insert into t values ('" + "x;\n" * 400_000 + "');",
        "create function f() returns int begin atomic " + "select 1; " * 20_000 + "end;",
        "copy t from stdin;\n" + "1\ta\n" * 300_000 + "\\.\n",
    ],
    ids=["rows", "one statement", "one string", "one body", "copy"],
)
def test_splitting_takes_no_memory_but_the_text(text: str) -> None:
    source = Source("x.sql", text)
    tracemalloc.start()

    for _ in split(source):
        pass

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(text) / 4
