"""What goes wrong in the work by hand of softwarestudio."""

from dataclasses import dataclass

from dbkit.errors import DbkitError


@dataclass(eq=False)
class NoDatabase(DbkitError):
    """A checkpointer was made without the kind of database that a method needs."""

    kind: str

    def __str__(self) -> str:
        return f"this checkpointer has no {self.kind}; give it one when you make it"


@dataclass(eq=False)
class UnknownPruning(DbkitError):
    """A checkpointer cannot prune in the way it was asked to."""

    strategy: str

    def __str__(self) -> str:
        return f"no threads are pruned by {self.strategy!r}; use 'keep_latest' or 'delete'"
