"""Run initdb and the server, and find in what they print why one of them failed."""

import os
import re
import select
import shutil
import signal
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn

from dbkit.server.account import Account
from dbkit.server.binaries import Binaries
from dbkit.server.errors import DidNotStart, InitdbFailed, OtherMajorVersion
from dbkit.server.listening import PORT

# from this version on the server has Unicode's rules itself; before, the machine's C.UTF-8 has them
_FIRST_WITH_BUILTIN_LOCALE = 17

_PRELOADED = "shared_preload_libraries"
_COUNTER = "pg_stat_statements"

_POLL = 0.01
_SHUTDOWN_SECONDS = 10.0

_LARGEST_LOG = 8 * 1024 * 1024
_SEVERITY = re.compile(r"\b(?P<severity>LOG|WARNING|ERROR|FATAL|PANIC|error): +(?P<text>.*)")
_FATAL = frozenset({"ERROR", "FATAL", "PANIC", "error"})
_ROUTINE = ("starting PostgreSQL", "listening on", "database system ", "redo ")


def read_major(data: Path) -> int | None:
    """Return the major version that made the data, or None if there are no data."""
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def require_major(data: Path, binaries: Binaries) -> None:
    """Refuse data of another major version than the programs."""
    made_by = read_major(data)
    if made_by is not None and made_by != binaries.major:
        raise OtherMajorVersion(data, made_by, binaries.major)


def create_data(data: Path, binaries: Binaries, account: Account, *, running: int) -> None:
    """Make the data folder; it gets its name only when it is complete."""
    unfinished = data.with_name("data.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        finished = account.run(
            [binaries.initdb, *_initdb_options(binaries.major), "-D", unfinished], inherit=[running]
        )
        if finished.status != 0:
            raise InitdbFailed(data, find_reason(finished.output))
        unfinished.rename(data)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _initdb_options(major: int) -> list[str]:
    options = [
        "--username=postgres",
        # the socket lies in a folder 0700: only its owner can connect at all
        "--auth-local=trust",
        "--auth-host=reject",
        "--encoding=UTF8",
        "--locale=C",
    ]
    if major >= _FIRST_WITH_BUILTIN_LOCALE:
        return [*options, "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*options, "--lc-ctype=C.UTF-8"]


def add_statement_counter(
    binaries: Binaries, data: Path, account: Account, settings: Mapping[str, str]
) -> dict[str, str]:
    """Add pg_stat_statements, if it is there, to the libraries that these settings load.

    It cannot be loaded later, when somebody asks which statements were slow.
    """
    if not binaries.has_library(_COUNTER):
        return dict(settings)
    asked: list[str | Path] = [binaries.postgres, "-C", _PRELOADED, "-D", data]
    for name, value in settings.items():
        asked += ["-c", f"{name}={value}"]
    finished = account.run(asked)
    if finished.status != 0:  # the start will say why
        return dict(settings)
    *_, loaded = finished.output.splitlines() or [""]
    if _COUNTER in loaded:
        return dict(settings)
    return {**settings, _PRELOADED: f"{loaded},{_COUNTER}" if loaded.strip() else _COUNTER}


def compose_command(
    binaries: Binaries, data: Path, socket_folder: Path, settings: Mapping[str, str]
) -> list[str | Path]:
    """Return the server's command line; no setting can open it to the network."""
    quoted = str(socket_folder).replace('"', '""')
    fixed = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        "port": str(PORT),
    }
    words: list[str | Path] = [binaries.postgres, "-D", data]
    for name, value in {**settings, **fixed}.items():
        words += ["-c", f"{name}={value}"]
    return words


def launch(
    command: Sequence[str | Path],
    account: Account,
    *,
    log: Path,
    running: int,
    is_up: Callable[[], bool],
) -> None:
    """Start the server in the background and return once it is up; it lives on after us."""
    with open(log, "ab", opener=_open_private) as stream, _pipe() as (ended, alive):
        start = stream.tell()
        # the shell ends at once, so that the server is no child of ours
        shell = account.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            output=stream,
            inherit=[alive.fileno(), running],
        )
        # now only the server holds this end: the other one becomes readable when the server ends
        alive.close()
        try:
            while not is_up():
                if _has_ended(ended, _POLL):
                    _fail(log, start)
        except BaseException:
            _end(shell.group, ended)
            raise


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _pipe() -> Generator[tuple[IO[bytes], IO[bytes]]]:
    reading, writing = os.pipe()
    with open(reading, "rb") as ended, open(writing, "wb") as alive:  # noqa: PTH123 - descriptors
        yield ended, alive


def _has_ended(ended: IO[bytes], seconds: float) -> bool:
    # poll, because select cannot watch a descriptor above 1023
    watch = select.poll()
    watch.register(ended, select.POLLIN)
    return bool(watch.poll(seconds * 1000))


def _fail(log: Path, start: int) -> NoReturn:
    with log.open("rb") as stream:
        stream.seek(start)
        raise DidNotStart(find_reason(stream.read().decode(errors="replace")), log)


def _end(group: int, ended: IO[bytes]) -> None:
    # SIGTERM ends a server that is starting, SIGINT one that has clients already
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ProcessLookupError):
            os.killpg(group, number)
    _has_ended(ended, _SHUTDOWN_SECONDS)


def find_reason(output: str) -> str:
    """Return the line that names the fault, and the message before it, which often says more."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    messages = [
        message
        for line in lines
        if (message := _SEVERITY.search(line)) and not message["text"].startswith(_ROUTINE)
    ]
    for last in reversed(range(len(messages))):
        if messages[last]["severity"] in _FATAL:
            return "; ".join(message["text"] for message in messages[max(last - 1, 0) : last + 1])
    return lines[-1] if lines else "it printed nothing"


def empty_large_log(log: Path) -> None:
    """Empty a log that has grown large; a running server goes on writing at its end."""
    with suppress(FileNotFoundError, NotADirectoryError):
        if log.stat().st_size > _LARGEST_LOG:
            os.truncate(log, 0)
