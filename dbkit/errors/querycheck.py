"""What the server, asked about a query file, makes plain to be wrong with it."""

from dataclasses import dataclass

from dbkit.errors.kinds import QueryError
from dbkit.errors.queryfile import QueryFileFault


@dataclass(eq=False)
class DoesNotPrepare(QueryFileFault):
    """PostgreSQL refuses the statement."""

    query: str
    message: str
    sqlstate: str
    hint: str

    def fault(self) -> str:
        return self.message + (f" (hint: {self.hint})" if self.hint else "")


@dataclass(eq=False)
class UnnamedColumn(QueryError):
    """A result column has no name a Python attribute could have."""

    query: str
    path: str
    column: str
    place: int

    def __str__(self) -> str:
        shown = "has no name" if self.column == "?column?" else f"is named {self.column!r}"
        return (
            f"{self.path}: column {self.place} of {self.query} {shown}; "
            "give it a name with `as some_name`"
        )


@dataclass(eq=False)
class RepeatedColumn(QueryError):
    """Two result columns have one name."""

    query: str
    path: str
    column: str

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.query} gives two columns named {self.column!r}; "
            "rename one of them with `as`"
        )


@dataclass(eq=False)
class ColumnsDiffer(QueryError):
    """The result is not the same with every combination of optional parts."""

    query: str
    path: str
    given: str
    expected: tuple[str, ...]
    found: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.path}: with {self.given} {self.query} gives "
            f"{', '.join(self.found) or 'nothing'}, "
            f"and without it {', '.join(self.expected) or 'nothing'}; "
            "an optional part may not change the columns"
        )


@dataclass(eq=False)
class ParametersDiffer(QueryError):
    """A parameter has another type with another combination of optional parts."""

    query: str
    path: str
    parameter: str
    types: tuple[str, str]

    def __str__(self) -> str:
        first, second = self.types
        return (
            f"{self.path}: parameter {self.parameter!r} of {self.query} is {first} in one place "
            f"and {second} in another; cast it, as in :'{self.parameter}'::{first}"
        )


@dataclass(eq=False)
class KindDoesNotFit(QueryError):
    """The kind promises something that the statement does not do."""

    query: str
    path: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.query} is :{self.kind}, but {self.reason}"


@dataclass(eq=False)
class UnknownNarrowing(QueryError):
    """A header line narrows a name that is neither a column nor a parameter."""

    query: str
    path: str
    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.path}: the header line for {self.name!r} belongs to no column or parameter of "
            f"{self.query}; there are {', '.join(self.known) or 'none'}"
        )


@dataclass(eq=False)
class NarrowingOfOtherThanJson(QueryError):
    """A header line names a Python type for what is not json."""

    query: str
    path: str
    name: str
    type: str
    wanted: str

    def __str__(self) -> str:
        return (
            f"{self.path}: the header line for {self.name!r} of {self.query} names {self.wanted}, "
            f"which only json and jsonb can become, and this is {self.type}; take the line out"
        )


@dataclass(eq=False)
class DefaultDoesNotFit(QueryError):
    """A default is not a value of the parameter's type."""

    query: str
    path: str
    parameter: str
    default: str
    type: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.path}: the default {self.default!r} of {self.parameter!r} is no {self.type}: "
            f"{self.reason}"
        )
