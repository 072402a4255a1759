"""The pieces psql sees in a script."""

from enum import StrEnum, auto
from typing import NamedTuple


class TokenKind(StrEnum):
    """What a piece of a script is."""

    SPACE = auto()
    LINE_COMMENT = auto()
    BLOCK_COMMENT = auto()
    WORD = auto()  # a keyword or a plain name
    QUOTED_NAME = auto()  # "x" and U&"x"
    STRING = auto()  # '..' with or without one of the prefixes E, U&, B, X, N
    DOLLAR_STRING = auto()
    NUMBER = auto()
    OPERATOR = auto()
    PUNCTUATION = auto()  # ( ) [ ] , ; . .. : and whatever SQL has no use for
    CAST = auto()  # ::
    VARIABLE = auto()  # :x :'x' :"x" :{?x}
    PARAMETER = auto()  # $1
    COMMAND = auto()  # a backslash command with its arguments
    ESCAPE = auto()  # \; and \:
    COPY_DATA = auto()  # the lines after copy ... from stdin, the closing \. included

    # Enum's own hash is written in Python, and a kind is looked up for every token
    __hash__ = str.__hash__


BLANK = frozenset({TokenKind.SPACE, TokenKind.LINE_COMMENT, TokenKind.BLOCK_COMMENT})


class Token(NamedTuple):
    """A piece of a script: its kind and its offsets into the text."""

    kind: TokenKind
    start: int
    end: int
