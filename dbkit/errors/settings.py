"""What can be wrong with the settings, the names given and the way to a database."""

from collections.abc import Iterable
from dataclasses import dataclass

from dbkit.errors.kinds import ConfigurationError


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, as a clause to append, or nothing."""
    # only a mistake needs it
    from difflib import get_close_matches  # noqa: PLC0415

    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}" if close else ""


@dataclass(eq=False)
class NoProject(ConfigurationError):
    """No pyproject.toml with a `[tool.dbkit]` table is in this folder or above it."""

    folder: str

    def __str__(self) -> str:
        return (
            f"no pyproject.toml in {self.folder} or above has a [tool.dbkit] table; "
            "to begin a project with one system, shop, write the line [tool.dbkit.systems.shop] "
            "into pyproject.toml here; in a container, copy the project's pyproject.toml here"
        )


@dataclass(eq=False)
class UnknownSystem(ConfigurationError):
    """No system of this name is configured."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        meant = nearest(self.name, self.known)
        return f"unknown system {self.name!r}{meant}; known systems: {', '.join(self.known)}"


@dataclass(eq=False)
class InvalidSettings(ConfigurationError):
    """The pyproject.toml cannot be read, or says something dbkit does not understand."""

    path: str
    fault: str

    def __str__(self) -> str:
        return f"{self.path}: {self.fault}"


@dataclass(eq=False)
class CannotConnect(ConfigurationError):
    """No connection to this database can be had."""

    url: str
    origin: str
    reason: str

    def __str__(self) -> str:
        return f"cannot connect to {self.url} (from {self.origin}): {self.reason}"


@dataclass(eq=False)
class NestedTransaction(ConfigurationError):
    """A transaction inside another is to be what only the outermost can be."""

    wanted: str

    def __str__(self) -> str:
        return (
            f"{self.wanted} is for the outermost transaction, and one is open already; "
            "ask for it there"
        )
