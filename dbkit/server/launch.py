"""Bring a server up that outlives us, and hear at once if it ends instead."""

import os
import select
import signal
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn

from dbkit.server.account import Account
from dbkit.server.binaries import Binaries
from dbkit.server.errors import DidNotStart
from dbkit.server.log import telling
from dbkit.server.traces import PORT

_POLL = 0.01
_LAST_WORDS = 10.0


def launch(
    command: Sequence[str | Path],
    account: Account,
    *,
    log: Path,
    running: int,
    is_up: Callable[[], bool],
) -> None:
    """Start the server in the background and return once it is up."""
    with open(log, "ab", opener=_open_private) as said, _pipe() as (ended, alive):
        before = said.tell()
        # the shell goes away at once, so that the server is no child of ours
        shell = account.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            output=said,
            inherit=[alive.fileno(), running],
        )
        # the server has it now, for as long as it lives: the other end tells of its death
        alive.close()
        try:
            while not is_up():
                if _has_ended(ended, _POLL):
                    _fail(log, before)
        except BaseException:
            _end(shell.group, ended)
            raise


def compose_command(
    binaries: Binaries, data: Path, socket_folder: Path, settings: Mapping[str, str]
) -> list[str | Path]:
    """Write the server's command line; what keeps it off the network cannot be set otherwise."""
    quoted = str(socket_folder).replace('"', '""')
    ours = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        "port": str(PORT),
    }
    words: list[str | Path] = [binaries.postgres, "-D", data]
    for name, value in {**settings, **ours}.items():
        words += ["-c", f"{name}={value}"]
    return words


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _pipe() -> Generator[tuple[IO[bytes], IO[bytes]]]:
    reading, writing = os.pipe()
    with open(reading, "rb") as ended, open(writing, "wb") as alive:  # noqa: PTH123 - descriptors
        yield ended, alive


def _has_ended(ended: IO[bytes], patience: float) -> bool:
    # poll, because select cannot watch a descriptor above 1023
    watch = select.poll()
    watch.register(ended, select.POLLIN)
    return bool(watch.poll(patience * 1000))


def _fail(log: Path, start: int) -> NoReturn:
    with log.open("rb") as stream:
        stream.seek(start)
        raise DidNotStart(telling(stream.read().decode(errors="replace")), log)


def _end(group: int, ended: IO[bytes]) -> None:
    # SIGTERM ends a server that has only begun, SIGINT one that has clients already
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ProcessLookupError):
            os.killpg(group, number)
    _has_ended(ended, _LAST_WORDS)
