"""What a statement knows of itself; where one ends is proved against psql itself."""

import pytest

from dbkit.sqltext import ScriptCommand, ScriptStatement, Source, split
from dbkit.sqltext.errors import UnclosedText
from dbkit.sqltext.source import Position


def statements(text: str) -> list[ScriptStatement]:
    return [item for item in split(Source("x.sql", text)) if isinstance(item, ScriptStatement)]


def test_a_statement_is_its_own_piece_of_the_file_without_the_semicolon() -> None:
    text = "-- a\n\n  /* b */ select 1 -- c\n ;\nselect 2"

    first, second = statements(text)

    assert first.text == "/* b */ select 1 -- c"
    assert first.position == Position(3, 3)
    assert text[first.start : first.end] == first.text
    assert (second.text, second.position) == ("select 2", Position(5, 1))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("SELECT 1", "select"),
        ("(select 1) union select 2", "select"),
        ("/* copy */ -- set\n Create table t ()", "create"),
        ("'x'", ""),
        ('"select"', ""),
        ("/* only this */", ""),
    ],
)
def test_a_statement_is_named_by_its_first_word(text: str, command: str) -> None:
    (statement,) = statements(text)

    assert statement.command == command


@pytest.mark.parametrize("text", [";", " /* a */ ;", "-- a\n;", "/* a */ -- b"])
def test_a_statement_of_comments_alone_is_empty(text: str) -> None:
    (statement,) = statements(text)

    assert statement.is_empty


@pytest.mark.parametrize("text", ["'x';", "(", "1", "\\;", "$$$$"])
def test_a_statement_of_anything_else_is_not(text: str) -> None:
    assert not statements(text)[0].is_empty


@pytest.mark.parametrize("text", ["", "\n \n", "-- a\n", "-- a"])
def test_a_script_of_nothing_has_no_statement(text: str) -> None:
    assert statements(text) == []


@pytest.mark.parametrize(
    ("below", "data"),
    [
        ("\n1\n2\n\\.\nselect 1;", "1\n2\n"),
        ("\r\n1\r\n\\.\r\nselect 1;", "1\r\n"),
        ("\n\\.\n", ""),
        ("\n \\.\n\\.x\n\\\\.\n", " \\.\n\\.x\n\\\\.\n"),
        ("\n1\n\\.", "1\n"),
        ("\n1", "1"),
        ("\n", ""),
        ("", ""),
    ],
)
def test_copy_from_stdin_has_the_lines_below_it(below: str, data: str) -> None:
    copy, *rest = statements(f"copy t from stdin;{below}")

    assert copy.text == "copy t from stdin"
    assert copy.copy_data == data
    assert [statement.text for statement in rest] == ["select 1"] * below.count("select")


def test_two_copies_on_one_line_have_one_block_of_data_each() -> None:
    first, second, third = statements("copy a from stdin; copy b from stdin; c;\n1\n\\.\n2\n\\.\n")

    assert (first.copy_data, second.copy_data, third.copy_data) == ("1\n", "2\n", None)


def test_two_copies_sent_together_have_all_the_lines_below_them() -> None:
    copies, after = statements("copy a from stdin \\; copy b from stdin;\n1\n\\.\n2\n\\.\nc;\n")

    assert copies.copy_data == "1\n\\.\n2\n"
    assert after.text == "c"


@pytest.mark.parametrize(
    "text",
    [
        "copy t to stdout",
        "copy t from 'stdin'",
        'copy t from "stdin"',
        'copy "from" to stdin',
        "copy (select 1 from stdin) to stdout",
        "explain copy t from stdin",
        "(copy t from stdin)",
    ],
)
def test_other_statements_have_no_data(text: str) -> None:
    select = statements(f"{text};\nselect 1;\n")[-1]

    assert select.text == "select 1"


def test_commands_come_before_the_statement_they_stand_in() -> None:
    text = "\\set x 'a b' \\\\ select 1\n \\echo it\\;\n, 2;\nselect 3 \\gx (a=b)\n"

    items = [
        (item.name, item.arguments) if isinstance(item, ScriptCommand) else item.text
        for item in split(Source("x.sql", text))
    ]

    assert items == [
        ("set", "x 'a b'"),
        ("echo", "it"),
        (";", ""),
        "select 1\n \\echo it\\;\n, 2",
        ("gx", "(a=b)"),
        "select 3",
    ]


def test_a_command_knows_its_place() -> None:
    (command, _) = split(Source("x.sql", "select\n  \\x\n"))

    assert command.position == Position(2, 3)


def test_what_comes_before_a_fault_is_given_first() -> None:
    items = split(Source("x.sql", "select 1; select 'a"))

    first = next(items)

    assert isinstance(first, ScriptStatement)
    with pytest.raises(UnclosedText):
        next(items)


def test_strings_may_be_other_than_standard_from_the_start() -> None:
    source = Source("x.sql", "select '\\';';\nset standard_conforming_strings = on;\n"
                    "select '\\';\nreset all;\nselect '\\';';\n")  # fmt: skip

    found = list(split(source, standard_conforming_strings=False))

    assert len(found) == 5
