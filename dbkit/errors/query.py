"""What can be wrong with the call of a query."""

from dataclasses import dataclass

from dbkit.errors.kinds import QueryError
from dbkit.errors.settings import nearest

_TYPED_ANEW = "the database changed since then, and the next call is typed anew"


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
    """A value is not one that its parameter's type can hold."""

    query: str
    parameter: str
    type: str
    # abbreviated: it may be a secret's length, it may be megabytes
    value: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.query}: parameter {self.parameter!r} ({self.type}) "
            f"cannot be {self.value}: {self.reason}"
        )


@dataclass(eq=False)
class Drifted(QueryError):
    """What a statement gives on this database is not what it was typed for."""

    query: str
    expected: tuple[tuple[str, str], ...]
    found: tuple[tuple[str, str], ...]
    # nothing was generated: the next call asks the database again
    loaded: bool = False

    def __str__(self) -> str:
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
class WrongShape(QueryError):
    """A value that came back is not of the type it is to become."""

    query: str
    column: str
    fault: str

    def __str__(self) -> str:
        return f"{self.query}: column {self.column!r}: {self.fault}"


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


@dataclass(eq=False)
class NotCopyable(QueryError):
    """A :copy query is more than a plain insert of its parameters."""

    query: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.query} cannot be copied: {self.reason}; a :copy query is a plain insert "
            "of its parameters, each as it is, into columns that it lists"
        )


def _listed(columns: tuple[tuple[str, str], ...]) -> str:
    return f"({', '.join(f'{name} {type_}' for name, type_ in columns)})"


@dataclass(eq=False)
class NoQueryFolder(QueryError):
    """The folder that queries are to be loaded from is not there."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} is no folder; queries are loaded from one, as in sql/<system>"


@dataclass(eq=False)
class UnknownQuery(QueryError, KeyError):
    """No query of this name was loaded."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        meant = nearest(self.name, self.known)
        return f"unknown query {self.name!r}{meant or _all('queries', self.known)}"


@dataclass(eq=False)
class UnknownKeyword(QueryError, TypeError):
    """A query is called with a keyword that it does not take."""

    query: str
    keyword: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        meant = nearest(self.keyword, self.known)
        return f"{self.query} takes no {self.keyword!r}{meant}{_all('keywords', self.known)}"


@dataclass(eq=False)
class MissingKeyword(QueryError, TypeError):
    """A query is called without a keyword that it needs."""

    query: str
    keyword: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.query} needs {self.keyword!r}{_all('keywords', self.known)}"


@dataclass(eq=False)
class MisplacedSets(QueryError, TypeError):
    """Many sets of values are given to a query that takes one, or none to one that takes many."""

    query: str
    kind: str

    def __str__(self) -> str:
        if self.kind in {"batch", "copy"}:
            return f"{self.query} is :{self.kind} and needs its sets of values, a list of mappings"
        return f"{self.query} is :{self.kind} and takes its values as keywords; :batch takes many"


@dataclass(eq=False)
class UnequalSets(QueryError, ValueError):
    """The sets of values of one call differ in their names, so they are no one statement."""

    query: str
    number: int
    expected: tuple[str, ...]
    found: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.query}: set {self.number} has ({', '.join(self.found)}), "
            f"where the first has ({', '.join(self.expected)})"
        )


def _all(what: str, known: tuple[str, ...]) -> str:
    return f"; {what}: {', '.join(known) or 'none'}"


@dataclass(eq=False)
class EditedQuery(QueryError):
    """The file of a generated function holds another statement than the function was typed for."""

    query: str
    path: str
    system: str

    def __str__(self) -> str:
        return (
            f"{self.query} was typed for another statement than {self.path} holds now; "
            f"run dbkit generate {self.system}"
        )
