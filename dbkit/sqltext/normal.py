"""Bring a script into a form in which its layout no longer counts."""

from dbkit.sqltext.reader import tokens
from dbkit.sqltext.token import BLANK, Kind


def normalise(text: str) -> str:
    """Drop the comments and put one space between all tokens, however they were laid out.

    Where the end of a line has a meaning, after a backslash command and before the data of
    `copy ... from stdin`, it stays. The result is for comparing, not for running: one string
    continued on the next line becomes two strings side by side.
    """
    parts: list[str] = []
    gap = ""
    for kind, start, end in tokens(text):
        if kind is Kind.COMMAND:
            parts += gap, text[start:end].rstrip()
            gap = "\n"
        elif kind is Kind.COPY_DATA:
            parts += "\n", text[start:end]
            gap = ""
        elif kind not in BLANK:
            parts += gap, text[start:end]
            gap = " "
    return "".join(parts)
