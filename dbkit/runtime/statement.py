"""A statement as generated code holds it: what is sent, and the types it was found to have."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from os.path import dirname, join
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

import psycopg

from dbkit.errors import EditedQuery, UnlistedChoice
from dbkit.runtime.omitted import OMITTED

T = TypeVar("T")

_Key: TypeAlias = "tuple[object, ...]"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = " \t\n\r\f\v"
_NO_LINE = 1 << 62
_COMPOSITIONS = count()
# also inside a string, where it is none: such a value is sent, and does no harm
_NUMBERED = re.compile(r"\$(\d+)")
_NAME = re.compile(r"[^\s\",]+")
# a quoted name may have any character
_TYPED = re.compile(r'\s*(?P<name>"(?:[^"]|"")*"|\S+)\s+(?P<type>(?:"(?:[^"]|"")*"|[^",])+)(?:,|$)')


class If(NamedTuple):
    """What follows is sent only if this keyword is given."""

    keyword: str


class Boundary(Enum):
    """ELSE: what follows is sent if the keyword is not given. END: the optional part ends."""

    ELSE = auto()
    END = auto()


class Chosen(NamedTuple):
    """The place of an identifier that the caller chooses by a keyword."""

    keyword: str


class Line(NamedTuple):
    """What follows begins in this line of the file; without it, lines are counted on."""

    number: int


ELSE: Final = Boundary.ELSE
END: Final = Boundary.END
Piece: TypeAlias = str | If | Boundary | Chosen | Line


class QueryFiles:
    """Where the query files of a subject are, relative to the generated module."""

    __slots__ = ("folder", "root", "subject", "system")

    def __init__(self, system: str, subject: str, folder: str, module: str, up: str) -> None:
        self.system = system
        self.subject = subject
        self.folder = folder
        self.root = join(dirname(module), up)  # noqa: PTH118, PTH120 - pathlib takes longer to load than a module of queries

    def __call__(self, name: str, line: int, digest: str, path: str = "") -> "SqlFile":
        """Return the file of a query, which has the query's name unless `path` says otherwise."""
        path = f"{self.folder}/{path or f'{self.subject}/{name}.sql'}"
        return SqlFile(f"{self.subject}.{name}", path, line, digest, self, self.system)


@dataclass(slots=True, eq=False)
class SqlFile:
    """The file of a query, the line where its statement begins, and a digest of the whole file."""

    # the subject and the name, as in "runs.list_recent"
    query: str
    path: str = "sql"
    line: int = 1
    digest: str = ""
    files: QueryFiles | None = None
    system: str = ""

    def refuse_edited(self) -> None:
        """Refuse to run a statement if its file was edited since.

        An installed package has no files beside it, so there is nothing to compare.
        """
        if self.files is None:
            return
        try:
            with open(join(self.files.root, self.path), "rb") as file:  # noqa: PTH118, PTH123 - as above
                content = file.read()
        except OSError:
            content = None
        if content is not None and digest_of(content) != self.digest:
            raise EditedQuery(self.query, self.path, self.files.system)
        # from now on, this process does not compare again
        self.files = None


def digest_of(content: bytes) -> str:
    """Return the digest that tells whether a file was edited; its line ends make no difference."""
    from hashlib import sha256  # noqa: PLC0415 - only the first call of a query needs it

    # git may change the line ends to those of the operating system
    plain = content.removeprefix(_BYTE_ORDER_MARK).replace(b"\r\n", b"\n")
    return sha256(plain).hexdigest()[:16]


class Statement(Generic[T]):
    """One query's statement, made once, when its module is imported.

    Where it has optional parts or a chosen identifier, each combination of them is a static text
    of its own. No value is ever part of a text.
    """

    __slots__ = (
        "__weakref__",
        "_columns", "_combinations", "_into", "_keywords", "_names", "_switches", "choices",
        "copied", "file", "flags", "forget", "infinite", "only", "row", "text",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - all that is known of a query
        self,
        file: SqlFile,
        text: str | Sequence[Piece],
        *,
        takes: str = "",
        gives: str = "",
        into: Mapping[str, Any] | None = None,
        row: Callable[..., T] | None = None,
        flags: Sequence[str] = (),
        choices: Mapping[str, Sequence[str]] | None = None,
        copied: tuple[str, Sequence[int]] | None = None,
        infinite: Sequence[str] = (),
        forget: Callable[[], object] | None = None,
    ) -> None:
        """Take the statement as it was typed.

        `takes` has the name and the type of each value, `$1` first, as in "id int4, note text?",
        where `?` says that it may be null; `gives` has those of the columns. `into` names the
        Python type to build and to check of columns where what the driver gives is not one
        already: a dataclass, `list[Step]`, a TypedDict, a model. `row` is called with the columns
        in order; it is None where the only column is the value itself. `flags` are keywords that
        only switch a part on, `choices` those that choose an identifier from a list; their values
        follow those of `takes`.
        `copied` is of a :copy the table with its columns, and which value each column gets.
        `infinite` names the values and the columns that may be infinity.
        `forget` is of a statement that was typed while the program ran: it has the next call type
        it anew.
        """
        self.file = file
        self.text = text
        self.row = row
        self.flags = flags
        self.choices = choices or {}
        self.copied = copied
        self.infinite = infinite
        self.forget = forget
        # the text, once it is made, where there is one for all values
        self.only: Composition[T] | None = None
        self._names = takes
        self._columns = gives
        self._into = into or {}
        self._keywords: tuple[str, ...] | None = None
        self._switches: tuple[int, ...] = ()
        self._combinations: dict[_Key, Composition[T]] = {}

    @property
    def query(self) -> str:
        """The subject and the name, as in "runs.list_recent"."""
        return self.file.query

    @property
    def takes(self) -> dict[str, str]:
        """The type of each value, `$1` first, by its keyword."""
        return {name: type_ for name, type_, _ in _read_types(self._names)}

    @property
    def gives(self) -> dict[str, str]:
        """The type of each column by its name."""
        return {name: type_ for name, type_, _ in _read_types(self._columns)}

    @property
    def gives_rows(self) -> bool:
        """Whether it has columns."""
        return bool(self._columns)

    @property
    def nullable_values(self) -> tuple[bool, ...]:
        """Of each value, `$1` first, whether it may be None."""
        return tuple(nullable for _, _, nullable in _read_types(self._names))

    @property
    def nullable_columns(self) -> tuple[bool, ...]:
        """Of each column, whether it may be null."""
        return tuple(nullable for _, _, nullable in _read_types(self._columns))

    def into(self, column: str) -> Any:  # noqa: ANN401 - a type form is not always a class
        """Return the Python type that a column becomes, None where it is one already."""
        return self._into.get(column)

    def composition(self, values: Sequence[object] | None) -> "Composition[T]":
        """Return the text for these values (None: for no values); it is made once and kept."""
        if self._keywords is None:
            self._find_switches()
        key = self._key(values) if self._switches else ()
        composition = self._combinations.get(key)
        if composition is None:
            composition = self._combinations[key] = self._compose(key)
            if not self._switches:
                self.only = composition
        return composition

    def _find_switches(self) -> None:
        used = {
            piece.keyword
            for piece in (() if isinstance(self.text, str) else self.text)
            if isinstance(piece, If | Chosen)
        }
        keywords = (*self.takes, *self.flags, *self.choices)
        self._switches = tuple(number for number, name in enumerate(keywords) if name in used)
        self._keywords = keywords

    def _key(self, values: Sequence[object] | None) -> _Key:
        keywords = self._keywords or ()
        return tuple(
            self._meaning(keywords[number], OMITTED if values is None else values[number])
            for number in self._switches
        )

    def _meaning(self, keyword: str, value: object) -> object:
        if keyword in self.choices:
            return OMITTED if value is OMITTED else str(value)
        # in psql any value switches a part on; in Python, False switches it off
        return value is not OMITTED and not (value is False and keyword in self.flags)

    def _compose(self, key: _Key) -> "Composition[T]":
        keywords = self._keywords or ()
        names = (keywords[number] for number in self._switches)
        given: dict[str, object] = dict(zip(names, key, strict=True))
        for keyword, allowed in self.choices.items():
            value = given.get(keyword, OMITTED)
            if value is not OMITTED and value not in allowed:
                raise UnlistedChoice(self.query, keyword, str(value), tuple(allowed))
        text, lines = _composed(self, given)
        numbers = {int(number) for number in _NUMBERED.findall(text)}
        used = tuple(number in numbers for number in range(1, len(self.takes) + 1))
        return Composition(self, len(keywords), text, lines, used if self._switches else ())


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Composition(Generic[T]):
    """The text of one combination of a statement's parts, as it is sent."""

    statement: Statement[T]
    # how many values a call has, including those that only choose the text
    count: int
    text: str
    # (offset in the text, line of the file), ascending: where pieces of the text begin
    lines: tuple[tuple[int, int], ...]
    # of each value whether the text has it; empty where no part can be left out
    used: tuple[bool, ...] = ()
    # what a connection knows it by, without keeping it
    number: int = field(default_factory=_COMPOSITIONS.__next__, init=False)

    def bound(self, values: Sequence[object]) -> Sequence[object]:
        """Return the values of `$1`, `$2` and so on; OMITTED for a part that is left out."""
        if len(values) != self.count:
            message = f"{self.statement.query} takes {self.count} values, not {len(values)}"
            raise ValueError(message)
        if not self.used:
            return values
        return [
            value if is_used else OMITTED for value, is_used in zip(values, self.used, strict=False)
        ]

    def line_at(self, offset: int) -> int:
        """Return the line of the file that an offset in the text comes from."""
        start, line = self.lines[bisect_right(self.lines, (offset, _NO_LINE)) - 1]
        return line + self.text.count("\n", start, offset)

    def note(self, error: psycopg.Error, *, shift: int = 0, what: str = "") -> None:
        """Add to an error of PostgreSQL which query raised it, and the place in its file.

        `shift` is how far the text sent began before this one's.
        """
        position = int(error.diag.statement_position or 1) - 1 - shift
        line = self.line_at(max(position, 0) or len(self.text) - len(self.text.lstrip()))
        path = self.statement.file.path
        error.add_note(f"while running {self.statement.query} ({path}:{line}){what}")


def _read_types(types: str) -> Iterator[tuple[str, str, bool]]:
    """Read a list of names and types, and whether they may be null: `id int4, home "My place"?`."""
    for match in _TYPED.finditer(types):
        name, type_ = match["name"], match["type"].rstrip()
        bare = name[1:-1].replace('""', '"') if name.startswith('"') else name
        # a name that ends so is quoted
        yield bare, type_.removesuffix("?"), type_.endswith("?")


def write_types(types: Iterable[tuple[str, str, bool]]) -> str:
    """Write names, types and whether they may be null, as `takes` and `gives` have them."""
    return ", ".join(
        f"{_quoted(name)} {type_}{'?' if nullable else ''}" for name, type_, nullable in types
    )


def _quoted(name: str) -> str:
    return name if _NAME.fullmatch(name) else '"{}"'.format(name.replace('"', '""'))


def _composed(
    statement: Statement[Any], given: Mapping[str, object]
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Put the pieces of one combination together, and tell in which lines they stand."""
    pieces = [statement.text] if isinstance(statement.text, str) else statement.text
    text, line = "", statement.file.line
    lines: list[tuple[int, int]] = []
    # for each part around a piece, whether it is sent
    sent: list[bool] = []
    for piece in pieces:
        match piece:
            case If(keyword):
                sent.append(given[keyword] not in {False, OMITTED})
            case Boundary.ELSE:
                sent[-1] = not sent[-1]
            case Boundary.END:
                sent.pop()
            case Line(number):
                line = number
            case _ if not all(sent):
                line += piece.count("\n") if isinstance(piece, str) else 0
            case Chosen(keyword):
                value = given[keyword]
                name = statement.choices[keyword][0] if value is OMITTED else value
                lines.append((len(text), line))
                text += f'"{name}"'
            case str():
                # a part that begins a statement begins with the end of a command's line
                bare = piece if text else piece.lstrip(_SPACE)
                line += piece.count("\n", 0, len(piece) - len(bare))
                lines.append((len(text), line))
                text += bare
                line += bare.count("\n")
        # each command of psql's that stood here had a line of its own
        line += isinstance(piece, If | Boundary)
    return text.rstrip(_SPACE), tuple(lines) or ((0, line),)
