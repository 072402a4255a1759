"""Bring a script into a form in which its layout no longer counts."""

import re
from collections.abc import Iterator

from dbkit.sqltext.reader import landmarks
from dbkit.sqltext.token import BLANK, Kind

# between landmarks every quote is complete, and two dashes begin a comment, but for those of
# `1e--`, which no server takes
_QUOTED_OR_BLANK = re.compile(r"""('[^']*+'|"[^"]*+")|(?:[ \t\n\r\f\v]++|--[^\n\r]*+)+""")


def normalise(text: str) -> str:
    """Drop the comments and fold every run of white space outside quotes into one space.

    Where the end of a line has a meaning, after a backslash command and before the data of
    `copy ... from stdin`, it stays. The result is for comparing, not for running: one string
    continued on the next line becomes two strings side by side.
    """
    parts: list[str] = []
    gap = ""
    for counts, part in _parts(text):
        if counts:
            parts += (gap, part) if parts else (part,)
            gap = ""
        elif gap != "\n":
            gap = part
    return "".join(parts)


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Give what counts, and for what does not a space, or a new line where it has a meaning."""
    done = 0
    for kind, start, end in landmarks(text):
        yield from _fold(text[done:start])
        done = end
        if kind in BLANK:
            yield False, " "
        elif kind is Kind.COMMAND:
            yield True, text[start:end].rstrip()
            yield False, "\n"
        elif kind is Kind.COPY_DATA:
            yield False, "\n"
            yield True, text[start:end]
        else:
            yield True, text[start:end]
    yield from _fold(text[done:])


def _fold(between: str) -> Iterator[tuple[bool, str]]:
    folded = _QUOTED_OR_BLANK.sub(lambda found: found[1] or " ", between)
    if folded.startswith(" "):
        yield False, " "
    if inner := folded.strip(" "):
        yield True, inner
    if folded.endswith(" "):
        yield False, " "
