"""Normalise a script: two scripts that differ in layout and comments alone become equal."""

import re

from dbkit.sqltext.reader import tokens
from dbkit.sqltext.tokenkinds import BLANK, TokenKind

# Most migrations have no other tokens than these, which one pattern reads in a tenth of the time.
# Each part refuses a neighbour that would make another token of it. The whole is not repeated
# possessively: Python before 3.11.5 matches that wrongly.
_PLAIN = re.compile(
    r"""
        [ \t\n]+ | --[^\n\r]*+(?:\n|\Z)
      | [A-Za-z_][A-Za-z0-9_]*+ (?! [^\x00-\x7f] | [$'"&] )
      | [0-9]++ (?! [^\x00-\x7f] | [$.A-Za-z_'"] )
      | '[^'\\]*+' (?!') | "[^"]*+" (?!")
      | [(),;] | \.(?![.0-9]) | :: | [=<>](?![-~!@\#^&|`?+*/%<>=])
    """,
    re.VERBOSE,
)
_PLAIN_TOKEN = re.compile(r"""--[^\n]*+|(\w++|'[^']*+'|"[^"]*+"|::|[^\s])""", re.ASCII)
_COPY = re.compile(r"\bcopy\b", re.IGNORECASE)


def normalise(text: str, *, path: str = "<text>") -> str:
    """Drop the comments and put one space between all tokens, however they were laid out.

    Where the end of a line has a meaning, after a backslash command and before the data of
    `copy ... from stdin`, it stays. The result is for comparing, not for running: one string
    continued on the next line becomes two strings side by side.
    """
    if not _PLAIN.sub("", text) and not _COPY.search(text):
        return " ".join(filter(None, _PLAIN_TOKEN.findall(text)))
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
