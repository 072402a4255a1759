"""What makes a text unreadable as SQL."""

from dataclasses import dataclass

from dbkit.errors import SourceFault


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
