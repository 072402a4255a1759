"""Tell of a failure: sentences for a person, JSON for a program, and how the database stands."""

import errno
import re
import shlex
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from dbkit.cli.errors import Failed, Standing, UnwrittenResult
from dbkit.errors import (
    CannotConnect,
    ConfigurationError,
    DbkitError,
    MigrationError,
    QueryError,
    ServerError,
    SourceFault,
)

if TYPE_CHECKING:
    from dbkit.migrations import Files
    from dbkit.projects import SystemDatabase

# what an error is called for a program, where its class does not say it
_KINDS = {
    SourceFault: "file",
    MigrationError: "migration",
    QueryError: "query",
    ServerError: "server",
    ConfigurationError: "configuration",
}
_PLACE = re.compile(r"^\S+\.sql:\d+:\d+: ", re.MULTILINE)
# a command that a message tells to run on a database, up to the name of the system
_COMMAND = re.compile(
    r"\bdbkit (?:adopt|backup|check|force|generate|migrate|repair|resume|rollback|status) "
    r"[\w-]+(?![^;,:`\n]*--url )"
)
# the system's codes where a file cannot take any more
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_UNFINISHED, _LOCKED = "unfinished", "locked"
# where one of these is wrong, there is no ledger that could tell a version
_UNKNOWN = {"foreign", "schema", "unreachable"}


@contextmanager
def standing_told(
    database: "SystemDatabase",
    files: "Files",
    command: str,
    done: Sequence[dict[str, Any]] = (),
) -> Generator[None]:
    """Look at the database after a failure; `command` is what to run when its cause is mended."""
    # loaded already by every command that changes a database
    import psycopg  # noqa: PLC0415

    try:
        yield
    except CannotConnect:
        raise
    except (DbkitError, psycopg.Error) as error:
        raise Failed(error, _look_up(database, files, error, command), done) from error


def with_url(command: str, url: str | None) -> str:
    """Return a command as it was given a URL; a password is not shown again."""
    if not url:
        return command
    # the driver is loaded by then
    from dbkit.database import without_password  # noqa: PLC0415

    return f"{command} --url {shlex.quote(without_password(url))}"


def with_urls(text: str, url: str | None) -> str:
    """Return a text whose commands are about the database of `--url`, as it was given.

    Without it they would be run on the database of the environment, which may be another one.
    """
    return _COMMAND.sub(lambda command: with_url(command[0], url), text) if url else text


def _look_up(
    database: "SystemDatabase", files: "Files", error: Exception, command: str
) -> Standing:
    import psycopg  # noqa: PLC0415

    from dbkit.migrations import read_status  # noqa: PLC0415

    system = files.system
    asking = f"dbkit status {system}"
    try:
        with database.connect() as connection:
            status = read_status(files, connection)
    except (DbkitError, psycopg.Error) as unreadable:
        unknown = f"at which version {system} is now could not be looked up; see {asking}"
        # the command failed because nothing can be read, and that is told already
        is_same = message_of(unreadable) == message_of(error)
        return Standing(system, None, asking, "" if is_same else unknown)
    kinds = {problem.kind for problem in status.problems}
    if not status.applied and not kinds.isdisjoint(_UNKNOWN):
        return Standing(system, None, asking, "")
    where = f"{system} is at version {status.version}"
    if _UNFINISHED in kinds:
        begun = f"{where}, and a migration is begun and not finished; see {asking}"
        return Standing(system, status.version, asking, begun)
    if isinstance(error, psycopg.errors.LockNotAvailable) or _kind(error) == _LOCKED:
        condition = "when that session is done, run"
    elif _PLACE.search(server_sentence(error)) and not status.half_done:
        # of a file that is half done, what was done may not be edited
        condition = "mend the file and run"
    else:
        condition = "when that is mended, run"
    return Standing(system, status.version, command, f"{where}; {condition} {command}")


def failure_json(error: Exception, url: str | None = None) -> dict[str, Any]:
    """Return what a program reads of a failure; `url` is what the command was given."""
    failed = error if isinstance(error, Failed) else None
    cause = failed.error if failed else error
    faults: Sequence[Exception] = getattr(cause, "faults", (cause,))
    told = {
        "kind": _kind(faults[0]),
        "message": with_urls("\n".join(map(message_of, faults)), url),
        "system": failed.standing.system if failed else getattr(cause, "system", None),
        "version": failed.standing.version if failed else None,
        "next": with_urls(failed.standing.next, url) if failed else None,
        "faults": [
            {
                "kind": _kind(fault),
                "class": type(fault).__name__,
                "message": with_urls(message_of(fault), url),
                "version": getattr(fault, "version", None),
                "path": getattr(fault, "path", None),
                "line": getattr(fault, "line", None),
                "column": getattr(fault, "column", None),
                "sqlstate": getattr(fault, "sqlstate", None),
            }
            for fault in faults
        ],
    }
    done = {"systems": list(failed.done)} if failed and failed.done else {}
    return {**done, "error": told}


def stopped_json(kind: str, message: str) -> dict[str, Any]:
    """Return what a program reads of a command that was ended from outside."""
    nothing: dict[str, Any] = {"system": None, "version": None, "next": None, "faults": []}
    return {"error": {"kind": kind, "message": message, **nothing}}


def _kind(error: Exception) -> str:
    if isinstance(error, click.UsageError):
        return "usage"
    if kind := getattr(error, "kind", None):
        return str(kind)
    if not isinstance(error, DbkitError):
        return "database" if hasattr(error, "sqlstate") else "system"
    return next((kind for base, kind in _KINDS.items() if isinstance(error, base)), "error")


def message_of(error: Exception) -> str:
    """Return what a person is told of an expected error."""
    if isinstance(error, click.UsageError):
        return error.format_message()
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    if isinstance(error, OSError):
        return f"the output cannot be written: {error.strerror}"
    return str(error) if isinstance(error, DbkitError) else server_sentence(error)


def is_expected(error: Exception) -> bool:
    """Say whether an error is told in a sentence; any other is a fault of dbkit's."""
    if isinstance(error, click.UsageError | DbkitError):
        return True
    import psycopg  # noqa: PLC0415 - loaded already wherever it can have raised

    return isinstance(error, psycopg.Error) or bool(
        isinstance(error, OSError) and error.strerror and (error.filename or is_unwritten(error))
    )


def is_unwritten(error: Exception) -> bool:
    """Say whether an error came of writing what a command prints."""
    if isinstance(error, UnwrittenResult):
        return True
    return isinstance(error, OSError) and not error.filename and error.errno in _UNWRITABLE


def is_of_the_run(error: Exception) -> bool:
    """Say whether an error came while something was run, and was not found out before."""
    return not isinstance(error, DbkitError)


def sentence(error: DbkitError) -> str:
    """Return the sentence of an error of ours, with the line that it points at."""
    snippet = getattr(error, "snippet", None)
    return f"{error}\n{snippet}" if snippet else str(error)


def server_sentence(error: BaseException) -> str:
    """Return what the server said, at the place in a file where that is known."""
    diag = getattr(error, "diag", None)
    message = getattr(diag, "message_primary", None) or str(error).strip()
    notes = "\n".join(getattr(error, "__notes__", []))
    if message in notes:
        return notes
    parts = [message]
    parts += [
        f"{name}: {value}"
        for name in ("detail", "hint")
        if (value := getattr(diag, f"message_{name}", None))
    ]
    parts += [notes] if notes else []
    return "\n".join(parts)
