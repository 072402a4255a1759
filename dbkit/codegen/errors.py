"""What keeps generated code from being written, or from being current."""

from dataclasses import dataclass

from dbkit.errors import ConfigurationError, QueryError


@dataclass(eq=False)
class NoPackage(ConfigurationError):
    """The settings of a system do not name the package of its generated code."""

    system: str

    def __str__(self) -> str:
        return (
            f"{self.system} names no package to generate; "
            f'add package = "{self.system}.queries" below [tool.dbkit.systems.{self.system}] in '
            f"pyproject.toml, or below [systems.{self.system}] in dbkit.toml"
        )


@dataclass(eq=False)
class UnusablePackage(ConfigurationError):
    """The package for generated code does not have a dotted name."""

    system: str
    package: str

    def __str__(self) -> str:
        return (
            f"{self.system} cannot be generated to {self.package!r}, which is no dotted name of "
            'a package; name one as in package = "shop.queries"'
        )


@dataclass(eq=False)
class NotMigrated(QueryError):
    """A database has pending migrations, so the types found there would not last."""

    system: str
    problems: tuple[str, ...]
    # what brings it up to date; None where a problem has to be solved before
    command: str | None

    def __str__(self) -> str:
        problems = "; ".join(self.problems)
        wayout = "" if self.command is None else f"; run {self.command} first"
        return f"{self.system} cannot be typed: {problems}{wayout}"


@dataclass(eq=False)
class NotProved(QueryError):
    """The role or the session may not prove anything, so all would be written as nullable."""

    system: str
    query: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.system} cannot be generated, for nothing can be proved of {self.query}: "
            f"{self.reason}"
        )


@dataclass(eq=False)
class NotCurrent(QueryError):
    """Generated code is not what the query files would make it."""

    system: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.system}: generated code is not current: {'; '.join(self.reasons)}; "
            f"run dbkit generate {self.system}"
        )


@dataclass(eq=False)
class ForeignFile(QueryError):
    """A file that dbkit did not write stands where generated code belongs."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} was not generated, and would be overwritten; move it away"


@dataclass(eq=False)
class ClashingNames(QueryError):
    """Two things of a generated package would have the same name."""

    name: str
    first: str
    second: str

    def __str__(self) -> str:
        return (
            f"{self.first} and {self.second} would both be called {self.name!r} in generated code; "
            "rename one of them, or name the row with `-- row: SomeName`"
        )
