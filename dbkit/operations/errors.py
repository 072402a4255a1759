"""What keeps the care of a database from being done."""

from dataclasses import dataclass

from dbkit.errors import ConfigurationError, DbkitError, QueryError


@dataclass(eq=False)
class NoRetention(ConfigurationError):
    """A system says nowhere what may go."""

    folder: str

    def __str__(self) -> str:
        return (
            f"there is no query file in {self.folder}; "
            "put one there for each thing that is not kept forever"
        )


@dataclass(eq=False)
class NotARetention(QueryError):
    """A retention file does not tell how many rows it removed."""

    path: str
    kind: str

    def __str__(self) -> str:
        return f"{self.path}: a retention file is an :exec, and not a :{self.kind}"


@dataclass(eq=False)
class RetentionWantsValue(QueryError):
    """A retention file cannot be run without being told something."""

    path: str
    parameter: str

    def __str__(self) -> str:
        name = self.parameter
        return (
            f"{self.path}: nobody is there to say what :'{name}' is; "
            rf"give it a default: \if :{{?{name}}} \else \set {name} … \endif"
        )


@dataclass(eq=False)
class NoProgram(ConfigurationError):
    """None of the PostgreSQL programs at hand fits the server."""

    name: str
    server: int
    found: tuple[int, ...]

    def __str__(self) -> str:
        versions = " and ".join(map(str, self.found))
        there = f"that of version {versions} is too old" if versions else "there is none"
        return (
            f"{self.name} of PostgreSQL {self.server} or newer is needed, and {there}; "
            f"install PostgreSQL's client programs, or dbkit[embedded]"
        )


@dataclass(eq=False)
class ProgramFailed(DbkitError):
    """A program of PostgreSQL's gave up."""

    name: str
    code: int
    said: tuple[str, ...]

    def __str__(self) -> str:
        faults = [line for line in self.said if "error:" in line or "FATAL" in line]
        told = " ".join((faults or list(self.said))[:1]) or f"exit code {self.code}"
        return f"{self.name} failed: {told.removeprefix(f'{self.name}: ').removeprefix('error: ')}"


@dataclass(eq=False)
class BackupRunning(ConfigurationError):
    """Another process writes a backup into the same folder."""

    folder: str

    def __str__(self) -> str:
        return f"another backup is being written in {self.folder}; wait for it"


@dataclass(eq=False)
class NoBackup(ConfigurationError):
    """There is nothing to restore."""

    system: str
    folder: str

    def __str__(self) -> str:
        return (
            f"there is no backup of {self.system} in {self.folder}; "
            f"make one with `dbkit backup {self.system}`, or name a file"
        )


@dataclass(eq=False)
class DamagedBackup(DbkitError):
    """A backup is not the file that was written."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is damaged: {self.reason}; take another backup"


@dataclass(eq=False)
class NotRestored(DbkitError):
    """What came out of a backup is not what went into it."""

    path: str
    differences: tuple[str, ...]

    def __str__(self) -> str:
        more = len(self.differences) - 1
        rest = f" (and {more} more)" if more else ""
        return (
            f"{self.path} was restored otherwise than it was backed up, "
            f"so the new database is dropped again: {self.differences[0]}{rest}"
        )


@dataclass(eq=False)
class DatabaseExists(ConfigurationError):
    """A database is there already, and a restore overwrites none."""

    name: str

    def __str__(self) -> str:
        return f"database {self.name!r} exists; restore --into another name, or drop it first"


@dataclass(eq=False)
class MayNotCreate(ConfigurationError):
    """A role has no right to make the database that is needed."""

    role: str

    def __str__(self) -> str:
        return (
            f"role {self.role!r} may not create databases, and one is needed beside this one; "
            f"`alter role {self.role} createdb` lets it, or use a URL of a role that may"
        )


@dataclass(eq=False)
class AlreadyOurs(ConfigurationError):
    """A database has dbkit's ledger, so there is nothing to adopt."""

    system: str
    version: int

    def __str__(self) -> str:
        return f"{self.system} is recorded at version {self.version} already; see `dbkit status`"


@dataclass(eq=False)
class DirtyOrigin(DbkitError):
    """The tool that made a database stopped half-way."""

    tool: str
    version: str

    def __str__(self) -> str:
        return (
            f"{self.tool} stopped half-way in its version {self.version}, "
            "so nobody knows what is there; finish or undo that first"
        )


@dataclass(eq=False)
class NothingToAdopt(ConfigurationError):
    """A database is empty."""

    system: str

    def __str__(self) -> str:
        return f"the database of {self.system} is empty; `dbkit migrate {self.system}` makes it"


@dataclass(eq=False)
class NotOurs(DbkitError):
    """No version of a system is what a database has."""

    system: str
    version: int
    differences: tuple[str, ...]

    def __str__(self) -> str:
        count = len(self.differences)
        things = "1 difference" if count == 1 else f"{count} differences"
        listed = "".join(f"\n  {one}" for one in self.differences)
        return (
            f"the database of {self.system} is nearest to version {self.version}, with {things}; "
            f"mend them, or record it as it is with `dbkit force {self.system} {self.version}`:"
            f"{listed}"
        )
