"""What the pieces of a script are, and that none is lost."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.sqltext import BLANK, TokenKind, tokens
from dbkit.sqltext.errors import InterruptedStatement, UnclosedText


def kinds(text: str) -> list[tuple[TokenKind, str]]:
    return [
        (token.kind, text[token.start : token.end])
        for token in tokens(text)
        if token.kind not in BLANK
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("'it''s'", TokenKind.STRING),
        ("'\\'", TokenKind.STRING),
        ("E'it\\'s'", TokenKind.STRING),
        ("e'\\\\'", TokenKind.STRING),
        ("U&'\\0041'", TokenKind.STRING),
        ("b'01'", TokenKind.STRING),
        ("X'1F'", TokenKind.STRING),
        ("N'x'", TokenKind.STRING),
        ("E'a'\r'b\\''", TokenKind.STRING),
        ('"a ""b"""', TokenKind.QUOTED_NAME),
        ('U&"\\0041"', TokenKind.QUOTED_NAME),
        ("$$ ; $a$ $$", TokenKind.DOLLAR_STRING),
        ("$a1$ $$ $a$ $a1$", TokenKind.DOLLAR_STRING),
        ("$é$;$é$", TokenKind.DOLLAR_STRING),
        ("a$$b$", TokenKind.WORD),
        ("\u00a0é_1", TokenKind.WORD),
        ("1", TokenKind.NUMBER),
        ("1.5", TokenKind.NUMBER),
        (".5e-3", TokenKind.NUMBER),
        ("1_000.000_1e+1_0", TokenKind.NUMBER),
        ("0x1F", TokenKind.NUMBER),
        ("1e", TokenKind.NUMBER),
        ("1abc$$", TokenKind.NUMBER),
        ("1_0$$", TokenKind.NUMBER),
        ("$12", TokenKind.PARAMETER),
        ("::", TokenKind.CAST),
        (":=", TokenKind.OPERATOR),
        ("=>", TokenKind.OPERATOR),
        ("@-", TokenKind.OPERATOR),
        ("!~~*", TokenKind.OPERATOR),
        (":name", TokenKind.VARIABLE),
        (":'name'", TokenKind.VARIABLE),
        (':"name"', TokenKind.VARIABLE),
        (":{?name}", TokenKind.VARIABLE),
        (":2", TokenKind.VARIABLE),
        ("..", TokenKind.PUNCTUATION),
        ("{", TokenKind.PUNCTUATION),
        ("\\;", TokenKind.ESCAPE),
        ("\\:", TokenKind.ESCAPE),
        ("\\set x 'a\\'b;' `c\\`", TokenKind.COMMAND),
        ("\\copy nasty from 'x' \\echo", TokenKind.COMMAND),
        ("\\echo x \\\\", TokenKind.COMMAND),
    ],
)
def test_one_piece_is_one_token(text: str, kind: TokenKind) -> None:
    assert kinds(text) == [(kind, text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("'a'\n'b'", ["'a'", "'b'"]),
        ("b'0''1'", ["b'0'", "'1'"]),
        ("be'x'", ["be", "'x'"]),
        ("U&x", ["U", "&", "x"]),
        ("$a b$", ["$", "a", "b$"]),
        ("$1$", ["$1", "$"]),
        ("1..2", ["1", "..", "2"]),
        ("1.5.5", ["1.5", ".5"]),
        ("=-1", ["=", "-", "1"]),
        ("=+-1", ["=", "+", "-", "1"]),
        ("<->-1", ["<->", "-", "1"]),
        ("a+--b", ["a", "+"]),
        ("a-/* */b", ["a", "-", "b"]),
        ("*/*;*/*", ["*", "*"]),
        ("a::int", ["a", "::", "int"]),
        ("a:::b", ["a", "::", ":b"]),
        ("[1:2]", ["[", "1", ":2", "]"]),
        ("[:a::b]", ["[", ":a", "::", "b", "]"]),
        (":'a b'", [":", "'a b'"]),
        (":{?a b}", [":", "{", "?", "a", "b", "}"]),
        ("\\echo a \\echo b\nc", ["\\echo a ", "\\echo b", "c"]),
        ("\\echo a \\\\b;", ["\\echo a \\\\", "b", ";"]),
        ("\\g |cat \\echo\n;", ["\\g |cat \\echo", ";"]),
        ("\\echo 'a\n;", ["\\echo 'a", ";"]),
        ("\\echo\\;", ["\\echo", "\\;"]),
    ],
)
def test_what_looks_like_one_piece_is_several(text: str, pieces: list[str]) -> None:
    assert [piece for _, piece in kinds(text)] == pieces


def test_comments_and_space_are_tokens_too() -> None:
    text = "/* a /* ; */ */\v--b\rc"

    found = list(tokens(text))

    assert [token.kind for token in found] == [
        TokenKind.BLOCK_COMMENT,
        TokenKind.SPACE,
        TokenKind.LINE_COMMENT,
        TokenKind.SPACE,
        TokenKind.WORD,
    ]
    assert found[0].end == len("/* a /* ; */ */")


def test_copy_data_lie_below_the_line_of_their_statements() -> None:
    text = "copy a from stdin; copy b from stdin; x;\n1\n\\.\n2\n\\.\ny"

    data = [piece for kind, piece in kinds(text) if kind is TokenKind.COPY_DATA]

    assert data == ["1\n\\.\n2\n\\.\n"]
    assert kinds(text)[-1] == (TokenKind.WORD, "y")


def test_a_backslash_in_quotes_counts_where_strings_are_not_standard() -> None:
    text = "'a\\';' n'\\'' u&'\\' b'\\'"

    found = [
        text[token.start : token.end]
        for token in tokens(text, standard_conforming_strings=False)
        if token.kind is TokenKind.STRING
    ]

    assert found == ["'a\\';'", "n'\\''", "u&'\\'", "b'\\'"]


@pytest.mark.parametrize(
    ("text", "construct", "closing"),
    [
        ("'a", "string", "'"),
        ("'a''", "string", "'"),
        ("E'\\'", "string", "'"),
        ('"a', "quoted name", '"'),
        ("$a$ $$", "dollar-quoted string", "$a$"),
        ("/* /* */", "comment", "*/"),
    ],
)
def test_what_is_never_closed_is_pointed_at_where_it_opens(
    text: str, construct: str, closing: str
) -> None:
    with pytest.raises(UnclosedText) as raised:
        list(tokens(f"select\n  {text};\n", path="x.sql"))

    fault = raised.value
    assert (fault.path, fault.line, fault.column) == ("x.sql", 2, 3)
    assert (fault.construct, fault.closing) == (construct, closing)
    assert str(fault) == (
        f"x.sql:2:3: the {construct} that begins here is never closed; end it with {closing}"
    )
    assert fault.snippet == f"  {text};\n  ^"


@pytest.mark.parametrize("rest", ["select", "select 'a\n1\n\\.\n'", "/*"])
def test_a_statement_cut_in_two_by_copy_data_is_refused(rest: str) -> None:
    text = f"copy a from stdin; {rest}\n1\n\\.\n 1;"

    with pytest.raises(InterruptedStatement) as raised:
        list(tokens(text))

    assert (raised.value.line, raised.value.column) == (1, 20)


@given(st.text("'\"$-/*\\();:eEUu&nbx1_a.\r\n\t{?}é "))
def test_the_tokens_cover_the_text(text: str) -> None:
    ends = [0]
    with suppress(UnclosedText):
        for token in tokens(text):
            assert token.start == ends[-1] < token.end
            ends.append(token.end)

    # the opening of what is never closed is read last
    rest = text[ends[-1] :]
    assert not rest or rest.lstrip("eEbBxXnNuU&")[0] in "'\"$/"
