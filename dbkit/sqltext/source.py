"""A text, the name it is known by, and where its lines begin."""

import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from dbkit.errors import point_at
from dbkit.sqltext.errors import NulCharacter, UndecodableFile

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Position(NamedTuple):
    """A line and a column, both counted from 1, the column in characters."""

    line: int
    column: int


class SourcePlace(NamedTuple):
    """A position, in the form that an error takes: `SomeFault(*source.place(offset), ...)`."""

    path: str
    line: int
    column: int
    source_line: str


@dataclass(frozen=True)
class Source:
    """A text and the name it is known by."""

    path: str
    text: str = field(repr=False)

    @cached_property
    def _line_starts(self) -> Sequence[int]:
        starts = array("Q", [0])
        starts.extend(end.end() for end in re.finditer("\n", self.text))
        # one more than the lines there are, so that every line has a following one
        starts.append(len(self.text) + 1)
        return starts

    def position(self, offset: int) -> Position:
        """Return the line and column of an offset in the text."""
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """Return one line, counted from 1, without its end."""
        start, following = self._line_starts[number - 1 : number + 1]
        return self.text[start : following - 1].removesuffix("\r")

    def place(self, offset: int) -> SourcePlace:
        """Return all that an error at this offset needs."""
        position = self.position(offset)
        return SourcePlace(self.path, *position, self.line(position.line))


def caret(source: Source, offset: int, message: str) -> str:
    """Show a message as a compiler does: where it is, the line, a caret under the column."""
    place = source.place(offset)
    pointed = point_at(place.source_line, place.column)
    return f"{place.path}:{place.line}:{place.column}: {message}\n{pointed}"


def decode(data: bytes, path: str) -> str:
    """Turn a file's bytes into text: UTF-8, its byte order mark removed, no NUL."""
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        readable = Source(path, data.decode(errors="replace"))
        # the text before the first bad byte is valid, so its characters can be counted
        offset = len(data[: error.start].decode())
        raise UndecodableFile(*readable.place(offset), byte=data[error.start]) from None
    nul = text.find("\0")
    if nul >= 0:
        raise NulCharacter(*Source(path, text).place(nul))
    return text
