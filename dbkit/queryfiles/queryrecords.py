"""What a query file says: the records of a query and of its parts."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class QueryKind(StrEnum):
    """How much comes back."""

    ONE = "one"
    OPTIONAL = "optional"
    MANY = "many"
    STREAM = "stream"
    EXEC = "exec"
    BATCH = "batch"
    COPY = "copy"


class QueryParameter(NamedTuple):
    """A variable of psql's that is a keyword in Python."""

    name: str
    # the default: the text of `\set name text`, without its quotes
    default: str | None = None
    # whether it may be left out, together with an optional part
    omittable: bool = False
    # it only switches a part on: its value is not in the statement, so it has no $n
    flag: bool = False


class Choice(NamedTuple):
    """A variable that stands for an identifier, with the identifiers that it may be."""

    name: str
    allowed: tuple[str, ...]
    default: str | None = None
    omittable: bool = False


class Combination(NamedTuple):
    """One static statement: which parts are in, the identifiers chosen, `$n` for parameters."""

    given: frozenset[str]
    chosen: tuple[tuple[str, str], ...]
    text: str
    # the name of $1, of $2, and so on; a name used twice is one parameter
    parameters: tuple[str, ...]
    # where each piece of `text` comes from: its offset in the text and in the file, ascending
    pieces: tuple[tuple[int, int], ...]

    def in_file(self, offset: int) -> int:
        """Return where in the file a place of the text comes from."""
        start, start_in_file = 0, 0
        for piece_start, piece_start_in_file in self.pieces:
            if piece_start > offset:
                break
            start, start_in_file = piece_start, piece_start_in_file
        return start_in_file + offset - start


class TextPart(NamedTuple):
    """Text that is sent as it stands, and its offset in the file."""

    text: str
    start: int


class Slot(NamedTuple):
    """The place of a parameter or an identifier in the text."""

    name: str
    is_identifier: bool
    start: int


class Switch(NamedTuple):
    r"""An optional part: what is sent if `name` of `\if :{?name}` is given, and if it is not."""

    name: str
    given: "tuple[Part, ...]"
    omitted: "tuple[Part, ...]"
    start: int


Part = TextPart | Slot | Switch


class Allowance(NamedTuple):
    """A rule of `dbkit check` that the query's header silences, and why."""

    rule: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a file, as far as its text shows it."""

    subject: str
    name: str
    path: str
    line: int
    kind: QueryKind
    documentation: str
    parameters: tuple[QueryParameter, ...]
    choices: tuple[Choice, ...]
    # header lines that narrow: column or parameter name -> "not null", "nullable", "infinity" or
    # a dotted type
    narrowed: tuple[tuple[str, str], ...]
    # every one that can run, the one without optional parts first
    combinations: tuple[Combination, ...]
    # what `combination_for` compiles the combination of a call from
    parts: tuple[Part, ...] = field(default=(), repr=False)
    # why it may read and write the rows of every tenant
    across_tenants: str | None = None
    # the class of its rows, which it shares with every query that names the same one
    row_class: str | None = None
    # at most one for a rule
    allowed: tuple[Allowance, ...] = ()
