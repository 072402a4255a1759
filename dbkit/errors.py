"""The base classes of every error, and those that a caller catches."""

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import combining, east_asian_width

# a line of a dump may have megabytes, so only what is around the caret is shown
_SHOWN_BEFORE = 80
_SHOWN = 160
_TYPED_ANEW = "the database changed since then, and the next call is typed anew"


class DbkitError(Exception):
    """Anything dbkit refuses or cannot do, told in one sentence."""


class ConfigurationError(DbkitError):
    """The settings, a URL or the command line cannot be used as they are."""


class ServerError(DbkitError):
    """The embedded server cannot be found, started, reached or stopped."""


class SourceError(DbkitError):
    """A SQL file is at fault, at a place that can be pointed to."""


class MigrationError(DbkitError):
    """A migration, its files or its ledger is at fault."""


class QueryError(DbkitError):
    """A query file, or the call of a query, is at fault."""


@dataclass(eq=False)
class SourceFault(SourceError):
    """A fault at one place of one file; each subclass says in `fault` what is wrong."""

    path: str
    line: int
    column: int
    source_line: str

    def fault(self) -> str:
        """Say what is wrong, then what would be right."""
        raise NotImplementedError  # each subclass has its own sentence

    @property
    def snippet(self) -> str:
        """The line at fault and a caret under the column, as a compiler shows it."""
        return point_at(self.source_line, self.column)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.fault()}"


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


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, as a clause to append, or nothing."""
    # loaded only if there is a mistake to explain
    from difflib import get_close_matches  # noqa: PLC0415

    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}" if close else ""


@dataclass(eq=False)
class CannotConnect(ConfigurationError):
    """The database cannot be connected to."""

    url: str
    origin: str
    reason: str

    def __str__(self) -> str:
        return f"cannot connect to {self.url} (from {self.origin}): {self.reason}"


@dataclass(eq=False)
class NoRow(QueryError):
    """A query that gives exactly one row gave none."""

    query: str

    def __str__(self) -> str:
        return (
            f"{self.query} found no row, where it promises one; make it :optional if none is fine"
        )


@dataclass(eq=False)
class TooManyRows(QueryError):
    """A query that gives at most one row gave more."""

    query: str
    count: int

    def __str__(self) -> str:
        return f"{self.query} found {self.count} rows, where it promises one at most"


@dataclass(eq=False)
class BadValue(QueryError):
    """A parameter is given a value that its type cannot hold."""

    query: str
    parameter: str
    type: str
    # shortened, because it may have megabytes
    value: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.query}: parameter {self.parameter!r} ({self.type}) "
            f"cannot be {self.value}: {self.reason}"
        )


@dataclass(eq=False)
class Drifted(QueryError):
    """The columns of a statement on this database are not those that it was typed for."""

    query: str
    expected: tuple[tuple[str, str], ...]
    # None if they changed inside a transaction, which fails before anybody can look
    found: tuple[tuple[str, str], ...] | None
    # by `dbkit.load`, not generated: the next call types it again
    loaded: bool = False

    def __str__(self) -> str:
        if self.found is None:
            return (
                f"{self.query} gives other columns than {_listed(self.expected)} since it was "
                "called last, or a type of theirs was made anew; roll back and call it again"
            )
        remedy = _TYPED_ANEW if self.loaded else "migrate this database or generate anew"
        return (
            f"{self.query} gives {_listed(self.found)}, but was typed for "
            f"{_listed(self.expected)}; {remedy}"
        )


@dataclass(eq=False)
class UnknownType(QueryError):
    """A type that a query was typed with is not in this database."""

    query: str
    type: str
    loaded: bool = False

    def __str__(self) -> str:
        remedy = _TYPED_ANEW if self.loaded else "migrate it or generate anew"
        return (
            f"{self.query} needs the type {self.type}, which the search path of this "
            f"database does not find; {remedy}"
        )


@dataclass(eq=False)
class UnexpectedNull(QueryError):
    """A column is null that was proved, or said in the query's header, never to be."""

    query: str
    column: str
    # by `dbkit.load`, not generated: the next call types it again
    loaded: bool = False

    def __str__(self) -> str:
        remedy = _TYPED_ANEW if self.loaded else "migrate this database or generate anew"
        return (
            f"{self.query}: column {self.column!r} is null, but was found never to be; is a "
            f"not null gone, is the search path another, or is a header line wrong? {remedy}"
        )


@dataclass(eq=False)
class WrongShape(QueryError):
    """A value from the database does not fit the Python type that it should become."""

    query: str
    column: str
    fault: str

    def __str__(self) -> str:
        return f"{self.query}: column {self.column!r}: {self.fault}"


@dataclass(eq=False)
class Unreadable(QueryError):
    """A value from the database is one that its Python type has no form for."""

    query: str
    column: str
    reason: str
    # counted from 1
    row: int = 1

    def __str__(self) -> str:
        return f"{self.query}: column {self.column!r} of row {self.row} holds {self.reason}"


@dataclass(eq=False)
class Unsendable(QueryError):
    """A statement has a character that the connection's encoding has no form for."""

    query: str
    character: str
    encoding: str

    def __str__(self) -> str:
        return (
            f"{self.query} has the character {self.character!a}, which has no form in "
            f"{self.encoding}, the encoding of this connection; set client_encoding to UTF8"
        )


@dataclass(eq=False)
class InsidePipeline(QueryError):
    """A query is called inside the driver's own pipeline, which defers every answer."""

    query: str

    def __str__(self) -> str:
        return (
            f"{self.query} is called inside connection.pipeline(); call it outside, or use :batch"
        )


@dataclass(eq=False)
class OutsideTransaction(QueryError):
    """A stream is opened where no transaction can hold the server's cursor."""

    query: str

    def __str__(self) -> str:
        return (
            f"{self.query} streams from a cursor that lives in a transaction, and none is open; "
            "begin one with connection.transaction()"
        )


def _listed(columns: tuple[tuple[str, str], ...]) -> str:
    return f"({', '.join(f'{name} {type_}' for name, type_ in columns)})"


@dataclass(eq=False)
class EditedQuery(QueryError):
    """The SQL file of a generated function was edited, and the function not generated again."""

    query: str
    path: str
    system: str

    def __str__(self) -> str:
        return (
            f"{self.query} was typed for another statement than {self.path} holds now; "
            f"run dbkit generate {self.system}"
        )


@dataclass(eq=False)
class NoProject(ConfigurationError):
    """No pyproject.toml with a `[tool.dbkit]` table is in this folder or above it."""

    folder: str

    def __str__(self) -> str:
        return (
            f"no pyproject.toml in {self.folder} or above has a [tool.dbkit] table; "
            "begin a project here with: dbkit init; or name the folder or the package of one with "
            "--project or DBKIT_PROJECT"
        )


@dataclass(eq=False)
class UnknownProject(NoProject):
    """The name that was given is neither that of a folder nor that of a package."""

    def __str__(self) -> str:
        return (
            f"there is no folder and no installed package {self.folder!r}; name the folder of a "
            "project, or a package that has a dbkit.toml beside its __init__.py"
        )


@dataclass(eq=False)
class UnlistedChoice(QueryError):
    """A name was chosen that the query's header does not list."""

    query: str
    name: str
    value: str
    allowed: tuple[str, ...]

    def __str__(self) -> str:
        meant = nearest(self.value, self.allowed)
        return (
            f"{self.query}: {self.name} cannot be {self.value!r}{meant}; "
            f"allowed: {', '.join(self.allowed)}"
        )
