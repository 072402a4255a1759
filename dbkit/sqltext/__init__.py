"""The front door to SQL read as text, exactly as psql reads it."""

from dbkit.sqltext.normal import normalise
from dbkit.sqltext.reader import split, tokens
from dbkit.sqltext.scriptparts import ScriptCommand, ScriptStatement
from dbkit.sqltext.source import Source, SourcePlace, caret, decode
from dbkit.sqltext.tokenkinds import BLANK, Token, TokenKind

__all__ = [
    "BLANK",
    "ScriptCommand",
    "ScriptStatement",
    "Source",
    "SourcePlace",
    "Token",
    "TokenKind",
    "caret",
    "decode",
    "normalise",
    "split",
    "tokens",
]
