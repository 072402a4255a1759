"""What can be wrong with the files of migrations and with their ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from dbkit.errors import DbkitError, MigrationError, SourceFault


@dataclass(eq=False)
class MigrationFaults(MigrationError):
    """Several faults, found in one look at the files of a system and its ledger."""

    faults: tuple[DbkitError, ...]

    def __str__(self) -> str:
        return "\n".join(
            f"{fault}\n{fault.snippet}" if isinstance(fault, SourceFault) else str(fault)
            for fault in self.faults
        )


def refuse(faults: Sequence[DbkitError]) -> None:
    """Raise a single fault as it is, and several as one error that holds them all."""
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise MigrationFaults(tuple(faults))


def each_fault(error: DbkitError) -> tuple[DbkitError, ...]:
    """Return the faults that `refuse` raised."""
    return error.faults if isinstance(error, MigrationFaults) else (error,)


@dataclass(eq=False)
class UnusableFile(MigrationError):
    """A file or folder of migrations that cannot be used."""

    path: str
    reason: str

    kind: ClassVar[str] = "file"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(eq=False)
class DuplicateVersion(MigrationError):
    """Two migrations have one number."""

    version: int
    paths: tuple[str, str]
    system: str

    kind: ClassVar[str] = "duplicate"

    def __str__(self) -> str:
        first, second = self.paths
        return (
            f"{second}: number {self.version} is taken by {first}; "
            "give the one that has not been applied anywhere the next free number with: "
            f"dbkit renumber {self.system}"
        )


@dataclass(eq=False)
class GapInVersions(MigrationError):
    """The numbers do not follow one another."""

    version: int
    path: str
    expected: int
    system: str

    kind: ClassVar[str] = "gap"

    def __str__(self) -> str:
        return (
            f"{self.path}: number {self.expected} is expected here; "
            "bring the missing file back, or close the gap, if it never existed, with: "
            f"dbkit renumber {self.system}"
        )


@dataclass(eq=False)
class MissingRollback(MigrationError):
    """A migration that is to be undone has no rollback file."""

    version: int
    path: str

    kind: ClassVar[str] = "rollback"

    def __str__(self) -> str:
        return (
            f"{self.path} does not exist, so migration {self.version} cannot be undone "
            "and nothing was; write that file"
        )


@dataclass(eq=False)
class EditedMigration(MigrationError):
    """The file of an applied migration no longer says what was run."""

    system: str
    version: int
    path: str
    applied_at: str

    kind: ClassVar[str] = "edited"

    def __str__(self) -> str:
        return (
            f"{self.path} was edited after it ran ({self.applied_at}); put its text back and "
            "make the change a new migration, or accept it with: "
            f'dbkit repair {self.system} {self.version} --because "WHY"; a database for '
            "development can be made as the files are: "
            f"dbkit migrate {self.system} --follow --plan"
        )


@dataclass(eq=False)
class MissingMigration(MigrationError):
    """A migration was applied, and its file is gone."""

    system: str
    version: int
    name: str

    kind: ClassVar[str] = "missing"

    def __str__(self) -> str:
        return (
            f"migration {self.name} was applied to this database, but its file is gone; bring the "
            "file back (it may be on another branch); what it did is shown by: dbkit status "
            f"{self.system} --show {self.version}, and what would be undone without it by: "
            f"dbkit rollback {self.system} --to {self.version - 1} --plan"
        )


@dataclass(eq=False)
class NoTextKept(MigrationError):
    """The ledger has no text of a migration."""

    system: str
    version: int
    applied: bool

    def __str__(self) -> str:
        reason = "it ran before texts were kept" if self.applied else "it is not applied here"
        return f"the ledger of {self.system} has no text of migration {self.version}: {reason}"


@dataclass(eq=False)
class RenamedMigration(MigrationError):
    """The number was applied under another name."""

    system: str
    version: int
    path: str
    applied: str
    # whether the SQL is that of the file, so that only the name is another
    same: bool

    kind: ClassVar[str] = "renamed"

    def __str__(self) -> str:
        if self.same:
            return (
                f"{self.path}: number {self.version} was applied as {self.applied}; rename it "
                "back, or accept the new name with: "
                f'dbkit repair {self.system} {self.version} --because "WHY"'
            )
        return (
            f"{self.path}: number {self.version} was applied as {self.applied}, which is another "
            "migration, and its file is not here; bring that file back and give this one another "
            f"number with: dbkit renumber {self.system}; a database for development can be made as "
            f"the files are: dbkit migrate {self.system} --follow --plan"
        )


@dataclass(eq=False)
class MovedMigration(MigrationError):
    """A migration was applied, and its file has another number now."""

    system: str
    # the number that it was applied under, and that of its file
    version: int
    number: int
    applied: str
    name: str

    kind: ClassVar[str] = "renamed"

    def __str__(self) -> str:
        return (
            f"{self.applied} was applied here, and is {self.name} now; accept the new number with: "
            f'dbkit repair {self.system} {self.number} --because "WHY"; a database for development '
            f"can be made as the files are: dbkit migrate {self.system} --follow --plan"
        )


@dataclass(eq=False)
class NoBase(MigrationError):
    """git does not say what a branch has."""

    ref: str
    reason: str

    def __str__(self) -> str:
        return f"git cannot tell which migrations {self.ref!r} has: {self.reason}"


@dataclass(eq=False)
class WrongBesideBase(MigrationError):
    """A migration does not go with those that another branch has."""

    kind: str
    version: int
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} {self.reason}"


@dataclass(eq=False)
class NumberTaken(MigrationError):
    """A migration that keeps its number follows a gap."""

    path: str
    expected: int

    def __str__(self) -> str:
        return (
            f"{self.path} is applied and keeps its number, but number {self.expected} is missing "
            "below it; bring that file back"
        )


@dataclass(eq=False)
class NoWayBack(MigrationError):
    """A migration that is to be taken back has no rollback."""

    version: int
    name: str

    def __str__(self) -> str:
        return (
            f"{self.name} is to be taken back, and neither the ledger nor this checkout has its "
            "rollback, so nothing was done; write the rollback and try again"
        )


@dataclass(eq=False)
class NotForDevelopment(MigrationError):
    """A database is to follow the files that may hold what is needed."""

    system: str

    def __str__(self) -> str:
        return (
            f"the database of {self.system} is not for development, and --follow would take "
            "migrations back with their data; use the embedded server, or put `development = true` "
            f"into [tool.dbkit.systems.{self.system}]"
        )


@dataclass(eq=False)
class NothingToRepair(MigrationError):
    """A repair was asked for that cannot be made, or that is not needed."""

    system: str
    version: int
    reason: str

    def __str__(self) -> str:
        return (
            f"there is nothing to repair in migration {self.version} of {self.system}: "
            f"{self.reason}"
        )


@dataclass(eq=False)
class HoleInLedger(MigrationError):
    """A migration is not recorded, though a later one is."""

    system: str
    version: int
    path: str
    current: int

    kind: ClassVar[str] = "gap"

    def __str__(self) -> str:
        return (
            f"{self.path} is not applied here, though migration {self.current} is; run it now, "
            f"after the others, with: dbkit migrate {self.system} --out-of-order; a database for "
            "development can be made as the files are: "
            f"dbkit migrate {self.system} --follow --plan"
        )


@dataclass(eq=False)
class RecordedByYoyoAlone(MigrationError):
    """yoyo itself applied a migration that dbkit's ledger does not know."""

    system: str
    version: int
    path: str
    # up to which version all are applied by one or the other; None if one is missing in between
    current: int | None

    kind: ClassVar[str] = "foreign"

    def __str__(self) -> str:
        remedy = (
            "but not every one before it; apply those with yoyo as well"
            if self.current is None
            else f"if it ran completely, record it with: dbkit force {self.system} {self.current}"
        )
        return f"{self.path} was applied by yoyo alone, without dbkit's ledger; {remedy}"


@dataclass(eq=False)
class UnmarkedByYoyo(MigrationError):
    """yoyo itself rolled back a migration that dbkit's ledger still has."""

    system: str
    version: int
    path: str
    # the newest that yoyo left applied; None if it comes after this one
    current: int | None

    kind: ClassVar[str] = "foreign"

    def __str__(self) -> str:
        remedy = (
            "but not every one after it; apply it with yoyo again"
            if self.current is None
            else "if it was undone completely, record that with: "
            f"dbkit force {self.system} {self.current}"
        )
        return f"{self.path} was rolled back by yoyo alone, behind dbkit's ledger; {remedy}"


@dataclass(eq=False)
class UnfinishedMigration(MigrationError):
    """A statement outside a transaction was under way when its run ended, and nothing tells more.

    `statement` is its first line; None where the temporary tables of the run are what was lost.
    """

    system: str
    version: int
    name: str
    # how many statements are known to be done
    done: int
    statements: int
    direction: str
    statement: str | None
    reason: str | None

    kind: ClassVar[str] = "unfinished"

    def __str__(self) -> str:
        reason = self.reason or "its connection was lost"
        if self.statement is None:
            return (
                f"{self.direction} of {self.name} stopped after statement {self.done} of "
                f"{self.statements} ({reason}), and the temporary tables of that run are gone; "
                f"say dbkit resume {self.system} --again to run the file from its first statement, "
                f"or finish it by hand and say dbkit resume {self.system} --done"
            )
        number = self.done + 1
        then = (
            f"to go on with statement {number + 1}"
            if number < self.statements
            else "to record that all is done"
        )
        return (
            f"{self.direction} of {self.name} stopped in statement {number} of {self.statements} "
            f"({reason}), and the database cannot tell how much of it is done: {self.statement}; "
            f"look what is there, then say dbkit resume {self.system} --done {then}, or "
            f"dbkit resume {self.system} --again to run statement {number} again"
        )


@dataclass(eq=False)
class HalfDone(MigrationError):
    """A migration outside a transaction is half done, and something else was asked for."""

    system: str
    version: int
    name: str
    done: int
    statements: int
    direction: str

    kind: ClassVar[str] = "unfinished"

    def __str__(self) -> str:
        command = (
            f"dbkit migrate {self.system} --to {self.version}"
            if self.direction == "apply"
            else f"dbkit rollback {self.system} --to {self.version - 1}"
        )
        return (
            f"{self.direction} of {self.name} is half done, {self.done} of {self.statements} "
            f"statements; finish it first with: {command}"
        )


@dataclass(eq=False)
class HalfDoneElsewhere(MigrationError):
    """The rest of a migration that is half done is not in this folder."""

    version: int
    name: str
    done: int
    statements: int
    direction: str

    kind: ClassVar[str] = "unfinished"

    def __str__(self) -> str:
        return (
            f"{self.direction} of {self.name} is half done, {self.done} of {self.statements} "
            "statements, and its file is gone; bring the file back (it may be on another branch)"
        )


@dataclass(eq=False)
class EditedWhileHalfDone(MigrationError):
    """Statements that were run already were changed in the file of a half-done migration."""

    version: int
    path: str
    done: int

    kind: ClassVar[str] = "edited"

    def __str__(self) -> str:
        return (
            f"{self.path}: its first {self.done} statements are done, and were edited since; put "
            "their text back (those after them may be changed)"
        )


@dataclass(eq=False)
class OpenTransaction(MigrationError):
    """A file outside a transaction begins one and does not end it."""

    path: str

    kind: ClassVar[str] = "file"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        return f"{self.path}: begins a transaction that it does not end; add `commit` at its end"


@dataclass(eq=False)
class NothingToResume(MigrationError):
    """No statement waits for a person's answer."""

    system: str

    def __str__(self) -> str:
        return (
            f"{self.system} has no question that a person must answer; "
            f"go on with: dbkit migrate {self.system}"
        )


BY_HAND = "hand, as the documented table of three columns"


@dataclass(eq=False)
class ForeignLedger(MigrationError):
    """A schema_version table is there that dbkit did not make."""

    table: str
    maker: str

    kind: ClassVar[str] = "foreign"
    version: ClassVar[int | None] = None

    @property
    def is_by_hand(self) -> bool:
        """Whether it is the documented table, which no tool reads."""
        return self.maker == BY_HAND

    def __str__(self) -> str:
        return (
            f"the table {self.table} was made by {self.maker}, and dbkit does not write into it; "
            "rename it, then find out where the database stands with dbkit adopt, "
            "or point dbkit at another database"
        )


@dataclass(eq=False)
class RenamedSystem(MigrationError):
    """Another system applied these migrations in this schema, as if it were this one's old name."""

    system: str
    former: str
    table: str

    kind: ClassVar[str] = "foreign"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        return (
            f"the ledger {self.table} is that of {self.former}, which has applied the same "
            f"migrations as those of {self.system}; if that is its new name, say so with: alter "
            f"table {self.table} alter column dbkit_system set default '{self.system}'; if it is "
            "another system, give it a schema of its own in its search path"
        )


@dataclass(eq=False)
class SeveralLedgers(MigrationError):
    """Nobody said which system is meant, and the schema has the ledgers of several."""

    schema: str
    systems: tuple[str, ...]

    kind: ClassVar[str] = "foreign"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        return (
            f"schema {self.schema!r} has the ledgers of several systems "
            f"({', '.join(self.systems)}), and yoyo cannot say which is meant; "
            "use dbkit migrate SYSTEM"
        )


@dataclass(eq=False)
class WrittenByHand(MigrationError):
    """A person wrote a row into the ledger, so nobody knows whether its migration ran."""

    system: str
    version: int
    table: str
    # the migration of this number, if there is a file
    path: str | None

    kind: ClassVar[str] = "by hand"

    def __str__(self) -> str:
        delete = f"delete from {self.table} where version = {self.version}"  # noqa: S608 - a message
        if self.path is None:
            return (
                f"row {self.version} of {self.table} was written by hand, and no file has that "
                f"number; bring the file back, or delete the row: {delete}"
            )
        return (
            f"row {self.version} of {self.table} was written by hand, so nothing says whether "
            f"{self.path} ran; if it did not, delete the row: {delete}; if it did, accept the row "
            f'with: dbkit repair {self.system} {self.version} --because "WHY"'
        )


@dataclass(eq=False)
class NotEmpty(MigrationError):
    """The database holds objects, and nothing says which migrations they come from."""

    system: str
    database: str
    relations: int
    yoyo: int

    kind: ClassVar[str] = "foreign"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        tables = "1 table or view" if self.relations == 1 else f"{self.relations} tables and views"
        migrations = "1 migration" if self.yoyo == 1 else f"{self.yoyo} migrations"
        hint = f" (yoyo recorded {migrations})" if self.yoyo else ""
        return (
            f"database {self.database!r} holds {tables} but no ledger{hint}; find out which "
            f"version that is, and record it, with: dbkit adopt {self.system}"
        )


@dataclass(eq=False)
class PooledConnection(MigrationError):
    """The connection goes through a pooler that gives each transaction another server process."""

    # why the mode of the pooler could not be found out, if it could not
    doubt: str | None = None

    kind: ClassVar[str] = "pooler"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        if self.doubt is None:
            return (
                "this URL leads through a pooler in transaction mode, where no lock can be held; "
                "migrate over a direct URL, or one in session mode"
            )
        return (
            "this URL leads through a pooler, and whether it is in session mode could not be found "
            f"out ({self.doubt}); migrate over a direct URL"
        )


@dataclass(eq=False)
class NoSchema(MigrationError):
    """The search path names no schema that exists, so no table can be made."""

    database: str

    kind: ClassVar[str] = "schema"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        return (
            f"the search path names no schema that exists in database {self.database!r}, so no "
            "table can be made there; create one of the schemas that `show search_path` lists, or "
            "set another search path"
        )


@dataclass(eq=False)
class Locked(MigrationError):
    """Another run held the migration lock for longer than the time to wait."""

    holder: str
    waited: float

    kind: ClassVar[str] = "locked"

    def __str__(self) -> str:
        return (
            f"another migration run holds the lock ({self.holder}); waited {self.waited:.0f} s, "
            "try again when it is done or wait longer with --wait"
        )


@dataclass(eq=False)
class NoSuchVersion(MigrationError):
    """A version was asked for that cannot be reached from the present one."""

    system: str
    version: int
    reason: str

    def __str__(self) -> str:
        return f"{self.system} cannot go to version {self.version}: {self.reason}"


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
    """A header line looks like a directive and cannot be followed."""

    directive: str
    reason: str

    def fault(self) -> str:
        return f"`{self.directive}` {self.reason}"


@dataclass(eq=False)
class UnwrittenMigration(MigrationError):
    """A migration is as `dbkit new` made it; recorded now, its change could never be run."""

    path: str

    kind: ClassVar[str] = "file"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        return (
            f"{self.path}: is as dbkit new made it; write the change, or say in its first line why "
            "there is none"
        )


@dataclass(eq=False)
class ForeignFiles(MigrationError):
    """Files in the folder of migrations are named as another tool names them."""

    path: str
    # how many more there are
    others: int
    tool: str
    # what `dbkit import` calls them
    format: str
    folder: str
    system: str

    kind: ClassVar[str] = "file"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        more = f", as are {self.others} more" if self.others else ""
        return (
            f"{self.path}: is named as {self.tool} names its files{more}; bring the folder over "
            f"with: dbkit import {self.format} {self.folder} {self.system}"
        )


@dataclass(eq=False)
class ForeignHeader(SourceFault, MigrationError):
    """A migration has a header line that another tool reads, and dbkit does not."""

    header: str
    tool: str
    # what `dbkit import` calls such files, or nothing if it cannot bring them over
    format: str
    folder: str
    system: str

    def fault(self) -> str:
        remedy = (
            f"bring the folder over with: dbkit import {self.format} {self.folder} {self.system}"
            if self.format
            else "put what undoes the migration into its .rollback.sql, and take these lines out"
        )
        return (
            f"`{self.header}` is a header line of {self.tool}, and dbkit would run all that stands "
            f"below it, also what undoes the migration; {remedy}"
        )


@dataclass(eq=False)
class Placeholder(SourceFault, MigrationError):
    """A migration holds a placeholder, which another tool replaces."""

    placeholder: str

    def fault(self) -> str:
        return (
            f"{self.placeholder} is a placeholder, which Flyway replaces and dbkit does not; "
            "write the text that is to stand here"
        )
