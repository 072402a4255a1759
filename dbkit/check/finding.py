"""What a rule observes at one place, and the finding that is made of it."""

from dataclasses import dataclass, field
from typing import Any

from dbkit.errors import SourceFault
from dbkit.queryfiles import Query


def name_of(query: Query) -> str:
    """Return the name of a query, as in `runs.list_recent`."""
    return f"{query.subject}.{query.name}"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that is wrong or doubtful, and the place to look at, as far as it is known."""

    message: str
    path: str | None = None
    line: int | None = None
    column: int | None = None
    # as in "runs.list_recent"
    query: str | None = None
    # the line at fault with a caret below it
    snippet: str = field(default="", repr=False)

    @classmethod
    def of_query(cls, query: Query, message: str) -> "Observation":
        """Make an observation about a query as a whole, at the first line of its statement."""
        return cls(message, query.path, query.line, query=name_of(query))

    @classmethod
    def of_error(cls, error: Exception, query: Query | None = None) -> "Observation":
        """Make an observation of an error, at the error's own place or else at the query's."""
        name = name_of(query) if query else None
        if isinstance(error, SourceFault):
            place = error.path, error.line, error.column
            return cls(error.fault(), *place, query=name, snippet=error.snippet)
        path: str | None = getattr(error, "path", None)
        line: int | None = getattr(error, "line", None)
        told: list[str] = getattr(error, "__notes__", None) or [str(error).strip()]
        # the place that the sentence begins with is told apart from it
        if query is not None:
            path, line = path or query.path, line or query.line
        message = "; ".join(told).removeprefix(f"{path}:{line}: ").removeprefix(f"{path}: ")
        return cls(message, path, line, query=name)


@dataclass(frozen=True, slots=True)
class Finding(Observation):
    """An observation with the rule that made it, as a program can read it."""

    rule: str = field(kw_only=True)
    # the documented word for findings of this sort; several rules may share one
    kind: str = field(kw_only=True)
    # told, and no reason to fail
    is_warning: bool = field(kw_only=True)

    @property
    def place(self) -> str:
        """The place as a compiler writes it, `path:line:column:`, as far as it is known."""
        known = [part for part in (self.path, self.line, self.column) if part is not None]
        return "".join(f"{part}:" for part in known)

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape."""
        return {
            "rule": self.rule,
            "kind": self.kind,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "query": self.query,
            "message": self.message,
        }
