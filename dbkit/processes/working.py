"""Do one step after another, several at once, until there is nothing left or a signal comes."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from dbkit.errors import DbkitError
from dbkit.pools import Database
from dbkit.processes.common import Common
from dbkit.processes.leases import is_away

FAILURE = 1
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_BETWEEN_LOOKS = 0.2


@dataclass
class Tally:
    """What a process did so far."""

    done: int = 0
    failed: int = 0
    # how often the server could not be reached
    lost: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, done: int = 0, failed: int = 0, lost: int = 0) -> None:
        """Count what one of several threads did."""
        with self._lock:
            self.done += done
            self.failed += failed
            self.lost += lost

    def __str__(self) -> str:
        return f"{self.done:,} done, {self.failed:,} failed, {self.lost:,} times without a server"


@dataclass
class Working:
    """One worker: how often it asks for more when nothing was left, and what it did so far."""

    every: float
    common: Common
    logger: logging.Logger
    counts: Tally = field(default_factory=Tally)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, step: Callable[[], int], database: Database) -> int:
        """Do the step until the end, and return the exit code of the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        threads = [
            threading.Thread(
                target=self._work, args=[step], name=f"dbkit-worker-{number}", daemon=True
            )
            for number in range(1, self.common.concurrency + 1)
        ]
        for thread in threads:
            thread.start()
        self.logger.info("working, %d at once", len(threads))
        self._watch(threads, database)
        if any(thread.is_alive() for thread in threads):
            self.logger.error(
                "what is under way did not end in %g s; whoever claims it next does it again",
                self.common.grace,
            )
            logging.shutdown()
            os._exit(FAILURE)
        self.logger.info("ended: %s", self.counts)
        failed = self.common.once and (self.counts.failed or self.counts.lost)
        return FAILURE if failed else 0

    def _watch(self, threads: list[threading.Thread], database: Database) -> None:
        told = time.monotonic()
        ends: float | None = None
        while alive := [thread for thread in threads if thread.is_alive()]:
            now = time.monotonic()
            if ends is None and self.stopping.is_set():
                ends = now + self.common.grace
            if ends is not None and now > ends:
                return
            if now - told >= self.common.health:
                told = now
                pool = database.statistics()
                self.logger.info("healthy: %s; %s", self.counts, pool)
            # in slices: a signal is heard here, and does not end the wait; nor may this thread wait
            # for `stopping`, whose lock the signal's function takes in this thread as well
            alive[0].join(_BETWEEN_LOOKS)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.stopping.is_set():
            # the second one: whoever sent it does not want to wait
            os._exit(128 + number)
        self.stopping.set()
        self.logger.info("stopping: what is under way is finished first")

    def _work(self, step: Callable[[], int]) -> None:
        pause = _FIRST_PAUSE
        while not self.stopping.is_set():
            try:
                done = step()
            except Exception as error:  # noqa: BLE001 - a worker goes on, whatever a step raises
                self._tell(error)
            else:
                pause = _FIRST_PAUSE
                self.counts.add(done=done)
                if not done and self.common.once:
                    return
                if not done:
                    self.stopping.wait(self.every)
                continue
            if self.common.once:
                return
            self.stopping.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _tell(self, error: Exception) -> None:
        if is_away(error):
            self.counts.add(lost=1)
            self.logger.warning("the server cannot be reached: %s", _sentence(error))
            return
        self.counts.add(failed=1)
        if isinstance(error, DbkitError):
            self.logger.error("failed: %s", error)
        else:
            self.logger.error("failed", exc_info=error)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())
