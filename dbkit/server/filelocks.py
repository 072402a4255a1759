"""Locks between processes: who starts or stops a server, and which processes use it.

The kernel frees a lock when the process that has it ends, however it ends.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, *, waiting: Callable[[], None]) -> Generator[None]:
    """Hold the lock of this file; `waiting` is called if another process holds it first."""
    with opened(path) as descriptor:
        if not try_lock(descriptor):
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def opened(path: Path) -> Generator[int]:
    """Open a lock file, and make it if it is missing; closing it frees the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock if it is free, and say whether it was."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Register this process as a user of the server: a locked file named for its process id.

    The caller holds the server's lock while it enters. So no other process looks at the file
    before it is locked, and the files of killed processes can be removed here.
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
    """Return the ids of the other processes that use the server."""
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
