"""The front door to SQL read as text, exactly as psql reads it."""

from dbkit.sqltext.normal import normalise
from dbkit.sqltext.reader import split, tokens
from dbkit.sqltext.source import Place, Position, Source, caret, decode
from dbkit.sqltext.statement import Command, Statement
from dbkit.sqltext.token import BLANK, Kind, Token

__all__ = [
    "BLANK",
    "Command",
    "Kind",
    "Place",
    "Position",
    "Source",
    "Statement",
    "Token",
    "caret",
    "decode",
    "normalise",
    "split",
    "tokens",
]
