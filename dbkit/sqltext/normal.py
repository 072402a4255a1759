"""Normalise a script: two scripts that differ in layout and comments alone become equal."""

import re

from dbkit.sqltext.lexer import WHOLE_TOKENS, lex
from dbkit.sqltext.reader import tokens
from dbkit.sqltext.source import Source
from dbkit.sqltext.tokenkinds import BLANK, TokenKind

# where a token does not depend on those before it: no command, no data of a copy, strings that
# are standard and not continued behind a lone carriage return
_ANYTHING = re.compile(
    r"\r(?!\n) | \bstd(?:in|out)\b | standard_conforming_strings(?!\s*=\s*on\b)",
    re.VERBOSE | re.IGNORECASE,
)

# the rest of the text is copied for each token that has to be looked at
_OTHERS = 2000


def normalise(text: str, *, path: str = "<text>") -> str:
    """Drop the comments and put one space between all tokens, however they were laid out.

    Where the end of a line has a meaning, after a backslash command and before the data of
    `copy ... from stdin`, it stays. The result is for comparing, not for running: one string
    continued on the next line becomes two strings side by side.
    """
    if _ANYTHING.search(text):
        return normalise_any(text, path=path)
    source = Source(path, text)
    # the last token is a blank, unless nothing recognised the one before
    closed = text + "\n"
    parts: list[str] = []
    offset = 0
    for _ in range(_OTHERS):
        found = WHOLE_TOKENS.findall(closed, offset)
        rest = found.pop() if found else ""
        parts += filter(None, found)
        if not rest:
            return " ".join(parts)
        start = len(closed) - len(rest)
        token = lex(source, start, len(text), standard_strings=True)
        if token.kind is TokenKind.COMMAND:
            break
        if token.kind not in BLANK:
            parts.append(text[start : token.end])
        offset = token.end
    return normalise_any(text, path=path)


def normalise_any(text: str, *, path: str = "<text>") -> str:
    """Normalise a script token by token, whatever is in it."""
    parts: list[str] = []
    gap = ""
    for kind, start, end in tokens(text, path=path):
        if kind is TokenKind.COMMAND:
            parts += gap, text[start:end].rstrip()
            gap = "\n"
        elif kind is TokenKind.COPY_DATA:
            parts += "\n", text[start:end]
            gap = ""
        elif kind not in BLANK:
            parts += gap, text[start:end]
            gap = " "
    return "".join(parts)
