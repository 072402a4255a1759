"""What can keep the query files of another tool from being brought here."""

from dataclasses import dataclass

from dbkit.errors import ConfigurationError


@dataclass(eq=False)
class NoOldQueries(ConfigurationError):
    """A folder holds no query of the tool, or cannot be read."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(eq=False)
class QueriesInPlace(ConfigurationError):
    """The folder of the old files is the one into which the new ones would be written."""

    path: str
    format: str
    system: str

    def __str__(self) -> str:
        return (
            f"{self.path} is where the queries of {self.system} are written; move the old files "
            f"into a folder of their own first, such as old, and run "
            f"dbkit import-queries {self.format} old {self.system}"
        )


@dataclass(eq=False)
class QueryFileTaken(ConfigurationError):
    """A file that would be written is there, and has another text."""

    path: str
    was: str

    def __str__(self) -> str:
        return (
            f"{self.path} is there already and is not what {self.was} becomes; nothing is "
            "overwritten and nothing was written, so move one of the two files away"
        )


@dataclass(eq=False)
class SameTarget(ConfigurationError):
    """Two old files would become the same new one."""

    path: str
    other: str
    target: str

    def __str__(self) -> str:
        return f"{self.path} and {self.other} would both become {self.target}; rename one of them"
