"""A statement as generated code holds it: its text, and what it was typed for."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import psycopg

T = TypeVar("T")


class BoundParameter(NamedTuple):
    """A value that goes in as `$1`, `$2` and so on, and the type it is bound with."""

    name: str
    # as `pytypes.type_name` writes it
    type: str


class Result(NamedTuple):
    """A column that comes out."""

    name: str
    type: str
    # a Python type to build and to check, where what the driver gives is not one already:
    # a dataclass for a composite or a json object, `list[Step]`, a TypedDict, a model
    into: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Statement(Generic[T]):
    """One static statement, made once, when its module is imported."""

    # the subject and the name, as in "runs.list_recent"
    query: str
    path: str
    text: str
    # (offset in the text, line of the file): where each piece of the text begins
    lines: tuple[tuple[int, int], ...] = ((0, 1),)
    parameters: tuple[BoundParameter, ...] = ()
    columns: tuple[Result, ...] = ()
    # called with the columns in order; None where the only column is the value itself
    row: Callable[..., T] | None = None
    # of one that was typed while the program ran: has the next call type it anew
    forget: Callable[[], object] | None = None

    def line_at(self, offset: int) -> int:
        """Tell the line of the file that an offset into the text comes from."""
        start, line = self.lines[bisect_right(self.lines, (offset, _NO_LINE)) - 1]
        return line + self.text.count("\n", start, offset)

    def note(self, error: psycopg.Error, *, shift: int = 0, what: str = "") -> None:
        """Tell an error of PostgreSQL's which query met it, and where in the file.

        `shift` is how far the text sent began before this one's.
        """
        position = int(error.diag.statement_position or 1) - 1 - shift
        line = self.line_at(max(position, 0) or self._first())
        error.add_note(f"while running {self.query} ({self.path}:{line}){what}")

    def _first(self) -> int:
        return len(self.text) - len(self.text.lstrip())


_NO_LINE = 1 << 62


def lines_of(pieces: Sequence[tuple[int, int]], file: str) -> tuple[tuple[int, int], ...]:
    """Turn where pieces of a text come from into lines, as a statement wants them.

    `pieces` are pairs of an offset in the text and one in the file.
    """
    return tuple((offset, file.count("\n", 0, place) + 1) for offset, place in pieces)
