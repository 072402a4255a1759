"""What can be wrong inside a migration file, at a place that can be pointed to."""

from dataclasses import dataclass
from typing import ClassVar

from dbkit.errors.kinds import MigrationError
from dbkit.errors.source import SourceFault


@dataclass(eq=False)
class TransactionControl(SourceFault, MigrationError):
    """A migration file begins or ends a transaction of its own."""

    command: str

    def fault(self) -> str:
        return (
            f"{self.command!r} does not belong in a migration, which dbkit runs in one transaction "
            "of its own; take it out, or put `-- transactional: false` on the first line"
        )


@dataclass(eq=False)
class BackslashCommand(SourceFault, MigrationError):
    """A migration file holds a command of psql's own."""

    command: str

    def fault(self) -> str:
        return f"'{self.command}' is a command of psql, and a migration is SQL alone; take it out"


@dataclass(eq=False)
class BadDirective(SourceFault, MigrationError):
    """A header line looks like a directive and is none."""

    directive: str
    reason: str

    def fault(self) -> str:
        return f"`{self.directive}` {self.reason}"


@dataclass(eq=False)
class EmptyMigration(MigrationError):
    """A migration holds no statement."""

    path: str

    kind: ClassVar[str] = "file"

    def __str__(self) -> str:
        return f"{self.path}: holds no statement; write one, or remove the file"
