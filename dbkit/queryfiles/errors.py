"""What can be wrong with a query file."""

from dataclasses import dataclass

from dbkit.errors import QueryError, SourceFault, nearest


@dataclass(eq=False)
class QueryFileFault(SourceFault, QueryError):
    """A query file has a fault at one place; each subclass says in `fault` what is wrong."""


@dataclass(eq=False)
class UnusableQueryFile(QueryError):
    """A query file cannot be read, or its name or its folder cannot be used."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(eq=False)
class ClashingQueries(QueryError):
    """Two queries of a system have names that cannot both be used."""

    name: str
    path: str
    line: int
    other_name: str
    other_path: str
    other_line: int

    def clash(self) -> str:
        """Say which name both have, then what would be right."""
        raise NotImplementedError  # a leaf without its sentence is a fault of ours

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.clash()}"


@dataclass(eq=False)
class DuplicateQuery(ClashingQueries):
    """Two queries have the same name."""

    def clash(self) -> str:
        return (
            f"the query {self.name} is already in {self.other_path}:{self.other_line}; "
            "rename one of them"
        )


@dataclass(eq=False)
class DuplicateRowClass(ClashingQueries):
    """The row classes of two queries of a subject would have the same name."""

    row_class: str

    def clash(self) -> str:
        return (
            f"the rows of {self.name} would have the class {self.row_class}, as those of "
            f"{self.other_name} in {self.other_path}:{self.other_line} have; rename one of them"
        )


@dataclass(eq=False)
class ForeignRowClass(ClashingQueries):
    """The header names a row class that is another query's own."""

    row_class: str

    def clash(self) -> str:
        return (
            f"`-- row: {self.row_class}` is the class that {self.other_name} in "
            f"{self.other_path}:{self.other_line} has for its own rows; name another one"
        )


@dataclass(eq=False)
class CommandInQuery(QueryFileFault):
    """A query file holds another command of psql's than the four it may hold."""

    command: str
    instead: str

    def fault(self) -> str:
        return f"`{self.command}` does not belong in a query file; {self.instead}"


@dataclass(eq=False)
class UnmatchedCommand(QueryFileFault):
    r"""An `\else` or `\endif` has no `\if`, or a second `\else` follows the first."""

    command: str

    def fault(self) -> str:
        return f"`{self.command}` has no `\\if` that it could belong to; take it out"


@dataclass(eq=False)
class UnclosedPart(QueryFileFault):
    r"""An `\if` has no `\endif`."""

    def fault(self) -> str:
        return r"the part that begins here is never closed; end it with `\endif`"


@dataclass(eq=False)
class BadCondition(QueryFileFault):
    r"""An `\if`, `\else` or `\endif` has a condition or a place that dbkit does not understand."""

    command: str
    reason: str

    def fault(self) -> str:
        return f"`{self.command}` {self.reason}"


@dataclass(eq=False)
class BadDefault(QueryFileFault):
    r"""A `\set` is not the default of a parameter."""

    command: str
    reason: str

    def fault(self) -> str:
        return f"`{self.command}` {self.reason}"


@dataclass(eq=False)
class TooManyCombinations(QueryFileFault):
    """A query has more combinations of its parts and identifiers than are typed and proved."""

    count: int
    is_exact: bool
    most: int

    def fault(self) -> str:
        count = f"{self.count:,}" if self.is_exact else f"at least {self.count:,}"
        return (
            f"the optional parts and identifiers of this query have {count} combinations, and "
            f"at most {self.most:,} are typed and proved; make several queries of it, or let one "
            "name switch several parts"
        )


@dataclass(eq=False)
class MissingKind(QueryFileFault):
    """A query does not say how much comes back."""

    kinds: tuple[str, ...]

    def fault(self) -> str:
        return (
            "the query does not say how much comes back; add a line `-- :many` above it "
            f"(or {', '.join(f':{kind}' for kind in self.kinds if kind != 'many')})"
        )


@dataclass(eq=False)
class DoubleKind(QueryFileFault):
    """A query says twice how much comes back."""

    first_line: int

    def fault(self) -> str:
        return f"line {self.first_line} already says how much comes back; take one of them out"


@dataclass(eq=False)
class UnknownKind(QueryFileFault):
    """A query has an unknown kind."""

    kind: str
    # if it is another library's kind, dbkit's kind for it; else empty
    meant: str
    kinds: tuple[str, ...]

    def fault(self) -> str:
        known = [f":{kind}" for kind in self.kinds]
        close = nearest(f":{self.kind.lower()}", known)
        meant = f"; did you mean ':{self.meant}'" if self.meant else close
        return f"unknown kind ':{self.kind}'{meant}; known kinds: {', '.join(known)}"


@dataclass(eq=False)
class BadHeaderLine(QueryFileFault):
    """A line of a query's header has a form that dbkit does not understand."""

    comment: str
    reason: str

    def fault(self) -> str:
        return f"`{self.comment}` {self.reason}"


@dataclass(eq=False)
class UnusableName(QueryFileFault):
    """A parameter or a query has a name that Python or psql cannot use."""

    thing: str
    name: str
    reason: str

    def fault(self) -> str:
        return f"the {self.thing} {self.name!r} {self.reason}"


@dataclass(eq=False)
class NamesDifferInCase(QueryFileFault):
    """Two variables differ only in capital and small letters."""

    name: str
    other: str

    def fault(self) -> str:
        return (
            f"{self.name!r} and {self.other!r} differ in case only, and psql takes them for two; "
            "write both alike, or give one another name"
        )


@dataclass(eq=False)
class NoStatement(QueryFileFault):
    """A query has no statement, or none is left without some of its optional parts."""

    without: tuple[str, ...]

    def fault(self) -> str:
        if self.without:
            return f"without {' and '.join(self.without)} no statement is left; leave one in"
        return "there is no statement here; write one"


@dataclass(eq=False)
class SecondStatement(QueryFileFault):
    """A query holds more than one statement."""

    def fault(self) -> str:
        return (
            "a query is one statement, and this one has ended; "
            "give what follows a file, or a line `-- name: x :kind`, of its own"
        )


@dataclass(eq=False)
class UnendedStatement(QueryFileFault):
    """The statement above a `-- name:` line has no semicolon."""

    def fault(self) -> str:
        return "the statement above is not ended, and psql would go on reading it; end it with `;`"


@dataclass(eq=False)
class EndInPart(QueryFileFault):
    """A semicolon stands in an optional part."""

    part_line: int

    def fault(self) -> str:
        return (
            f"`;` stands inside the optional part that begins in line {self.part_line}; "
            r"close the part with `\endif` above it"
        )


@dataclass(eq=False)
class DataInQuery(QueryFileFault):
    """Lines stand below `copy ... from stdin`, where psql takes them for data."""

    def fault(self) -> str:
        return (
            "the lines below `copy ... from stdin` are data to psql; take them out, "
            r"or where they are no data, put a line `\.` above them"
        )


@dataclass(eq=False)
class StateOfTheCaller(QueryFileFault):
    """A statement changes what is the caller's: the transaction, the session or the wire."""

    words: str
    reason: str

    def fault(self) -> str:
        return f"`{self.words}` {self.reason}"


@dataclass(eq=False)
class ForeignForm(QueryFileFault):
    """Something is written in the form of another library, or works only in psql."""

    form: str
    instead: str

    def fault(self) -> str:
        return f"`{self.form}` does not work both in psql and in Python; write `{self.instead}`"


@dataclass(eq=False)
class GluedVariable(QueryFileFault):
    """A variable touches what stands beside it, which psql would read as one word."""

    variable: str

    def fault(self) -> str:
        return (
            f"`{self.variable}` touches what stands beside it, and psql would make one piece "
            "of the two; put a space between them"
        )


@dataclass(eq=False)
class MixedUse(QueryFileFault):
    """A variable stands for a value and for an identifier."""

    name: str

    def fault(self) -> str:
        return (
            f"{self.name!r} is a value elsewhere and an identifier here; "
            "use two names, one for each"
        )


@dataclass(eq=False)
class UnlistedIdentifier(QueryFileFault):
    """An identifier is a variable, and the header does not list what it may be."""

    name: str

    def fault(self) -> str:
        return (
            f'an identifier cannot be a parameter; list what :"{self.name}" may be '
            f"in the header: `-- {self.name}: first, second`"
        )


@dataclass(eq=False)
class UsedOutsidePart(QueryFileFault):
    """A parameter is used outside the optional part that it switches."""

    name: str

    def fault(self) -> str:
        return (
            f"{self.name!r} may be left out, and here it is used all the same; put this inside "
            rf"`\if :{{?{self.name}}}` … `\endif`, or give it a default"
        )
