"""Read `insert into table (columns) values ($1, $2)`: the one statement that `copy` can do."""

import re
from typing import NamedTuple

from dbkit.sqltext import BLANK, TokenKind, tokens


class CopyTarget(NamedTuple):
    """The table with its columns, as written, and which parameter each column gets."""

    into: str
    order: tuple[int, ...]


def copy_target(text: str) -> CopyTarget | None:
    """Read what a :copy loads into, or return None: the statement does more than that."""
    insert = [token for token in tokens(text) if token.kind not in BLANK]
    # one letter a token, so that the form of the whole is one pattern
    form = "".join(_letter(token.kind, text[token.start : token.end]) for token in insert)
    shape = _INSERT.fullmatch(form)
    if shape is None:
        return None
    table, parameters = insert[slice(*shape.span("into"))], insert[slice(*shape.span("values"))]
    return CopyTarget(
        text[table[0].start : table[-1].end],
        tuple(
            int(text[token.start + 1 : token.end]) - 1
            for token in parameters
            if token.kind is TokenKind.PARAMETER
        ),
    )


def _letter(kind: TokenKind, word: str) -> str:
    if kind is TokenKind.WORD:
        return _KEYWORDS.get(word.lower(), "n")
    if kind is TokenKind.PUNCTUATION:
        return word
    return {TokenKind.QUOTED_NAME: "n", TokenKind.PARAMETER: "$"}.get(kind, "?")


_KEYWORDS = {"insert": "I", "into": "O", "values": "V"}
_INSERT = re.compile(
    r"IO(?P<into> n(\.n)* \( n(,n)* \) ) V\( (?P<values> \$(,\$)* ) \) ;?", re.VERBOSE
)
