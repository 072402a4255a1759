"""Renew a lease while the work lasts for which it was taken."""

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import psycopg

_logger = logging.getLogger("dbkit.processes")


class Lease:
    """The right to a piece of work, as long as it is renewed."""

    def __init__(self) -> None:
        self._lost = threading.Event()

    @property
    def is_lost(self) -> bool:
        """Whether it ran out and somebody else may have the work: then nothing may be written."""
        return self._lost.is_set()

    def lose(self) -> None:
        """Note that it ran out."""
        self._lost.set()


@contextmanager
def kept_alive(renew: Callable[[], object], every: float) -> Generator[Lease]:
    """Call `renew` every so many seconds, in a thread of its own, until the block ends.

    It returns something true while the lease is still ours. A renewal that fails because the
    server cannot be reached is tried again at the next time: the lease has to last for several.

        with kept_alive(lambda: renew(database, id), every=lease.total_seconds() / 3) as lease:
            work()
        if not lease.is_lost: ...
    """
    lease, ended = Lease(), threading.Event()

    def renew_until_it_ends() -> None:
        while not ended.wait(every):
            try:
                if not renew():
                    lease.lose()
                    return
            except psycopg.Error as error:
                _logger.warning("a lease was not renewed: %s", error)

    thread = threading.Thread(target=renew_until_it_ends, name="dbkit-lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        ended.set()
        thread.join()
