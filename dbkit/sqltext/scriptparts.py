"""What a script consists of: statements for the server and commands for psql."""

from typing import NamedTuple

from dbkit.sqltext.source import Position, Source


class ScriptStatement(NamedTuple):
    """One statement, as psql sends it but for the semicolon, which is left out.

    It can be sent as it is, unless a `ScriptCommand` that stands inside it came before it. White
    space around it and line comments before it do not belong to it; a block comment before it does.
    """

    source: Source
    start: int
    end: int
    command: str  # its first word in lower case, "" where there is none
    is_empty: bool  # nothing but comments, as between two semicolons
    data: slice | None  # where in the source the lines of copy ... from stdin are

    @property
    def text(self) -> str:
        """The statement itself."""
        return self.source.text[self.start : self.end]

    @property
    def copy_data(self) -> str | None:
        r"""The lines for copy ... from stdin, without the `\.` that ends them."""
        return None if self.data is None else self.source.text[self.data]

    @property
    def position(self) -> Position:
        """Where it begins in the file."""
        return self.source.position(self.start)


class ScriptCommand(NamedTuple):
    r"""A backslash command of psql's own, `\;` and `\:` among them.

    It comes before the statement that it stands in or that it ends, as `\g` does.
    """

    source: Source
    start: int
    end: int
    name: str
    arguments: str

    @property
    def position(self) -> Position:
        """Where it begins in the file."""
        return self.source.position(self.start)
