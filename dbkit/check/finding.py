"""One thing that is wrong, or doubtful, and the place to look at."""

from dataclasses import dataclass, field
from typing import Any

from dbkit.errors import DbkitError, SourceFault
from dbkit.queryfiles import ClashingQueries, Query, UnusableQueryFile
from dbkit.typedqueries import DoesNotPrepare


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, as a program can read it and as a compiler would show it."""

    kind: str
    message: str
    path: str | None = None
    line: int | None = None
    column: int | None = None
    # as in "runs.list_recent"
    query: str | None = None
    # the line at fault with a caret below it
    snippet: str = field(default="", repr=False)
    # told, and no reason to fail
    is_warning: bool = False

    @classmethod
    def of_fault(cls, error: DbkitError, query: Query | None = None) -> "Finding":
        """Make a finding of what keeps a query file from being read, or a query from being typed.

        Where the error has no place of its own, the statement's first line is the nearest.
        """
        name = f"{query.subject}.{query.name}" if query else None
        kind = "query" if query else "file"
        if isinstance(error, SourceFault):
            kind = "statement" if isinstance(error, DoesNotPrepare) else kind
            place = error.path, error.line, error.column
            return cls(kind, error.fault(), *place, name, error.snippet)
        match error:
            case ClashingQueries(name=name, path=path, line=line):
                return cls("duplicate", _without_place(error, path, line), path, line, None, name)
            case UnusableQueryFile(path=path):
                return cls("file", _without_place(error, path), path)
            case _ if query:
                message = _without_place(error, query.path)
                return cls(kind, message, query.path, query.line, None, name)
            case _:
                return cls(kind, str(error))

    @classmethod
    def of_query(cls, kind: str, message: str, query: Query, *, is_warning: bool) -> "Finding":
        """Make a finding about a query as a whole."""
        name = f"{query.subject}.{query.name}"
        return cls(kind, message, query.path, query.line, query=name, is_warning=is_warning)

    @property
    def place(self) -> str:
        """The place as a compiler writes it, `path:line:column:`, as far as it is known."""
        known = [one for one in (self.path, self.line, self.column) if one is not None]
        return "".join(f"{one}:" for one in known)

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape."""
        return {
            "kind": self.kind,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "query": self.query,
            "message": self.message,
        }


def _without_place(error: DbkitError, path: str, line: int | None = None) -> str:
    place = path if line is None else f"{path}:{line}"
    return str(error).removeprefix(f"{place}: ")
