"""Locks between processes, which the kernel gives back however their owner ends."""

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def opened(path: Path) -> Generator[int]:
    """Open a lock file, making it if it is missing; closing it frees the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock alone, or tell that somebody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path, *, waiting: Callable[[], None]) -> Generator[None]:
    """Have the lock alone; `waiting` is called if somebody else has it first."""
    with opened(path) as descriptor:
        if not try_lock(descriptor):
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
