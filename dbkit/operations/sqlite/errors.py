"""What can keep a SQLite file from being imported."""

from dataclasses import dataclass

from dbkit.errors import DbkitError, nearest

_SHOWN = 20


@dataclass(eq=False)
class NotSqlite(DbkitError):
    """A file is no database of SQLite's."""

    path: str

    def __str__(self) -> str:
        return (
            f"{self.path} is no SQLite database; a text that `.dump` wrote is to be read back first"
        )


@dataclass(eq=False)
class UnreadableSqlite(DbkitError):
    """SQLite itself cannot read a file."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"SQLite cannot read {self.path}: {self.reason}"


@dataclass(eq=False)
class UnknownTables(DbkitError):
    """A SQLite file has tables that the database has not."""

    tables: tuple[str, ...]
    known: tuple[str, ...]

    def __str__(self) -> str:
        listed = ", ".join(self.tables)
        them = "it" if len(self.tables) == 1 else "them"
        return (
            f"the database has no table for {listed}{nearest(self.tables[0], self.known)}; "
            f"leave {them} out with {' '.join(f'--skip {name}' for name in self.tables)}"
        )


@dataclass(eq=False)
class UnknownColumns(DbkitError):
    """A table of a SQLite file has columns that the database's has not."""

    table: str
    columns: tuple[str, ...]
    known: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"table {self.table} has no column for {', '.join(self.columns)}"
            f"{nearest(self.columns[0], self.known)}; add it in a migration, "
            "or drop it in the SQLite file"
        )


@dataclass(eq=False)
class MissingColumn(DbkitError):
    """A column that needs a value is not in the SQLite file."""

    table: str
    column: str

    def __str__(self) -> str:
        return (
            f"column {self.table}.{self.column} takes no null and has no default, "
            "and the SQLite file has no such column; add it there"
        )


@dataclass(eq=False)
class CircularTables(DbkitError):
    """Tables refer to each other in a circle, so that none can be filled first."""

    tables: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"tables refer to each other in a circle: {' -> '.join(self.tables)}; "
            "make one of the foreign keys deferrable"
        )


@dataclass(eq=False)
class NotEmptyTables(DbkitError):
    """Tables that are to be filled hold rows."""

    tables: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{', '.join(self.tables)} already has rows; --replace removes them first, "
            "in the same transaction"
        )


@dataclass(eq=False)
class RowsWouldFollow(DbkitError):
    """A table that the file does not fill holds rows that would go with those it refers to."""

    table: str
    parent: str

    def __str__(self) -> str:
        return (
            f"{self.table} has rows that would go, or change, with those of {self.parent}, "
            "and the SQLite file does not bring them back; empty it first"
        )


@dataclass(eq=False)
class DoesNotFit(DbkitError):
    """Values of a SQLite file have no place in the database; nothing was imported."""

    path: str
    faults: tuple[str, ...]

    def __str__(self) -> str:
        count = len(self.faults)
        values = "1 value does" if count == 1 else f"{count} values do"
        listed = "".join(f"\n  {fault}" for fault in self.faults[:_SHOWN])
        more = f"\n  and {count - _SHOWN} more; --report FILE writes all" if count > _SHOWN else ""
        return f"{values} not fit, so nothing of {self.path} was imported:{listed}{more}"
