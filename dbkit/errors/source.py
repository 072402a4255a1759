"""What can be wrong with a SQL file, told with the place to look at."""

from dataclasses import dataclass
from unicodedata import combining, east_asian_width

from dbkit.errors.kinds import SourceError

# a dump may be one line of megabytes; a person looks at what is around the caret
_SHOWN_BEFORE = 80
_SHOWN = 160


@dataclass(eq=False)
class SourceFault(SourceError):
    """A fault at one place of one file; every leaf says in `fault` what it is."""

    path: str
    line: int
    column: int
    source_line: str

    def fault(self) -> str:
        """Say what is wrong, then what would be right."""
        raise NotImplementedError  # a leaf without its sentence is a fault of ours

    @property
    def snippet(self) -> str:
        """The line at fault and a caret under the column, as a compiler shows it."""
        return point_at(self.source_line, self.column)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.fault()}"


@dataclass(eq=False)
class UnclosedText(SourceFault):
    """A quote or a comment is opened and never closed."""

    construct: str
    closing: str

    def fault(self) -> str:
        return f"the {self.construct} that begins here is never closed; end it with {self.closing}"


@dataclass(eq=False)
class InterruptedStatement(SourceFault):
    """A statement begins on the line of copy ... from stdin and goes on below its data."""

    def fault(self) -> str:
        return (
            "the statement that begins here is cut in two by the data of `copy ... from stdin` "
            "on the same line; begin it below the data"
        )


@dataclass(eq=False)
class UndecodableFile(SourceFault):
    """A file is not UTF-8."""

    byte: int

    def fault(self) -> str:
        return f"byte 0x{self.byte:02x} is not UTF-8; save the file as UTF-8"


@dataclass(eq=False)
class NulCharacter(SourceFault):
    """A file holds a NUL, which PostgreSQL cannot store and psql silently stops at."""

    def fault(self) -> str:
        return "NUL character, which PostgreSQL has no place for; take it out"


def point_at(source_line: str, column: int) -> str:
    """Set a caret under a column, where a terminal shows it."""
    first = max(0, column - 1 - _SHOWN_BEFORE)
    margin = "".join(map(_blank, source_line[first : column - 1]))
    return f"{source_line[first : first + _SHOWN]}\n{margin}^"


def _blank(char: str) -> str:
    """Return white space as wide as a character: a tab for a tab, two columns for a wide one."""
    if char == "\t":
        return char
    if combining(char):
        return ""
    return "  " if east_asian_width(char) in {"W", "F"} else " "
