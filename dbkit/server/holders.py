"""The processes that use a server at this moment."""

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dbkit.server.locks import try_lock


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Be one of the holders: a file named for our process, locked for as long as we live.

    Entered only by who has the server's lock: nobody then looks at the file before it is locked,
    and the files of killed processes can be swept away.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    for file in folder.iterdir():
        if not _is_held(file):
            file.unlink(missing_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f"{os.getpid()}-", dir=folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        Path(name).unlink(missing_ok=True)
        os.close(descriptor)


def other_holders(folder: Path) -> tuple[int, ...]:
    """List the process ids of the holders, our own aside."""
    if not folder.is_dir():
        return ()
    pids = {int(file.name.partition("-")[0]) for file in folder.iterdir() if _is_held(file)}
    return tuple(sorted(pids - {os.getpid()}))


def _is_held(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)
