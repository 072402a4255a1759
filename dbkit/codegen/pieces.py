"""Write the parts of a query as the text that is sent, `$n` in place of values."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dbkit.queryfiles import Choice, Part, Query, QueryParameter, Slot, Switch, TextPart
from dbkit.runtime import ELSE, END, Chosen, If, Line, Piece
from dbkit.sqltext import Source

_SPACE = " \t\n\r\f\v"
_BLANK = re.compile(r"[ \t\n\r\f\v]+")
_TRAILING = re.compile(r"[ \t\r\f\v]*\n")


class WrittenStatement(NamedTuple):
    """A statement's text, the names of `$1`, `$2` and so on, and the line where it begins."""

    pieces: tuple[Piece, ...]
    names: tuple[str, ...]
    line: int


def write_statement(query: Query, source: Source) -> WrittenStatement:
    """Write a query's text, its optional parts as pieces of their own.

    A parameter has the same number, `$1` or `$2`, in every combination: a caller passes the same
    values whichever parts are sent.
    """
    keywords: list[QueryParameter | Choice] = [*query.parameters, *query.choices]
    with_default = frozenset(keyword.name for keyword in keywords if keyword.default is not None)
    numbers: dict[str, int] = {}
    for slot in _slots(query.parts):
        if not slot.is_identifier:
            numbers.setdefault(slot.name, len(numbers) + 1)
    writer = _Writer(source, numbers, with_default)
    for part in query.parts:
        writer.write(part)
    return WrittenStatement(writer.finish(), tuple(numbers), writer.first_line)


def _slots(parts: Sequence[Part]) -> Iterator[Slot]:
    for part in parts:
        if isinstance(part, Slot):
            yield part
        elif isinstance(part, Switch):
            yield from _slots(part.given)
            yield from _slots(part.omitted)


class _Writer:
    """Writes the parts as psql would send them, and counts lines as `runtime` will."""

    def __init__(
        self, source: Source, numbers: dict[str, int], with_default: frozenset[str]
    ) -> None:
        self._source = source
        self._numbers = numbers
        self._with_default = with_default
        self._pieces: list[Piece] = []
        # the line that `runtime` counts to
        self._line = 1
        self._has_begun = False
        self.first_line = 1

    def write(self, part: Part) -> None:
        """Write one part, and those inside it."""
        match part:
            case TextPart(text, start):
                # psql leaves out white space and line comments that begin a statement
                is_left_out = not text.strip(_SPACE) or text.startswith("--")
                if self._has_begun or not is_left_out:
                    self._append(self._with_empty_lines(text, start), start)
            case Slot(name, True, start):
                self._begin_line(start)
                self._pieces.append(Chosen(name))
            case Slot(name, _, start):
                self._append(f"${self._numbers[name]}", start)
            case Switch() if part.name in self._with_default:
                self._end_line()
                for inner in part.given:
                    self.write(inner)
                self._end_line()
            case Switch():
                self._write_switch(part)

    def finish(self) -> tuple[Piece, ...]:
        """Return what was written, without white space at its end."""
        if self._pieces and isinstance(last := self._pieces[-1], str):
            self._pieces[-1] = last.rstrip(_SPACE)
        return tuple(self._pieces)

    def _write_switch(self, switch: Switch) -> None:
        if not self._has_begun:
            # the part begins with the line break that ends the line of the command
            self._has_begun = True
            self._line = self.first_line = self._source.position(switch.start).line - 1
        # psql drops the line break before a line that is a command
        self._end_line()
        self._mark(If(switch.name))
        for part in switch.given:
            self.write(part)
        self._end_line()
        if switch.omitted:
            self._mark(ELSE)
            for part in switch.omitted:
                self.write(part)
            self._end_line()
        self._mark(END)

    def _mark(self, mark: Piece) -> None:
        self._pieces.append(mark)
        self._line += 1

    def _append(self, text: str, start: int) -> None:
        self._begin_line(start)
        if self._pieces and isinstance(last := self._pieces[-1], str):
            self._pieces[-1] = last + text
        else:
            self._pieces.append(text)
        self._line += text.count("\n")

    def _with_empty_lines(self, text: str, start: int) -> str:
        """Keep the empty lines of the file: psql drops them, but they help a reader."""
        if "\n" not in text or text.strip(_SPACE):
            return text
        space = _BLANK.match(self._source.text, start)
        return _TRAILING.sub("\n", space[0]) if space else text

    def _begin_line(self, start: int) -> None:
        """Write the line of the file if it is not the one that `runtime` counts to."""
        line = self._source.position(start).line
        if not self._has_begun:
            self._has_begun = True
            self._line = self.first_line = line
        if self._line != line:
            self._line = line
            self._pieces.append(Line(line))

    def _end_line(self) -> None:
        """Take away the line break at the end of what is written so far."""
        if self._pieces and isinstance(last := self._pieces[-1], str) and last.endswith("\n"):
            self._pieces[-1] = last[:-1]
            self._line -= 1
            if not self._pieces[-1]:
                self._pieces.pop()
