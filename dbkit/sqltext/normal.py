"""Bring a script into a form in which its layout no longer counts."""

from dbkit.sqltext.reader import tokens
from dbkit.sqltext.token import BLANK, Kind


def normalise(text: str) -> str:
    """Drop the comments and fold every run of white space outside quotes into one space.

    Where the end of a line has a meaning, after a backslash command and before the data of
    `copy ... from stdin`, it stays. The result is for comparing, not for running: one string
    continued on the next line becomes two strings side by side.
    """
    parts: list[str] = []
    gap = ""
    for kind, start, end in tokens(text):
        if kind in BLANK:
            gap = gap or " "
            continue
        piece = text[start:end]
        if kind is Kind.COPY_DATA:
            gap = "\n"
        elif kind is Kind.COMMAND:
            piece = piece.rstrip()
        parts += (gap, piece) if parts else (piece,)
        gap = "\n" if kind is Kind.COMMAND else ""
    return "".join(parts)
