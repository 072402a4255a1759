"""What became of each write, as far as its caller knows, and what was told of everything else."""

import threading
import time
import traceback
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from enum import IntEnum
from itertools import count

import psycopg
from psycopg_pool import PoolTimeout

from dbkit.errors import CannotConnect, Drifted

# so many seconds a call may take, a restart of the server included
PATIENCE = 90.0
_MOST_SHOWN = 20
# what a call may end with while the server goes, backends are ended and columns change
TOLERATED = (
    psycopg.OperationalError,
    psycopg.InternalError,
    psycopg.errors.QueryCanceled,
    # after `discard all`, inside a transaction
    psycopg.errors.InvalidSqlStatementName,
    Drifted,
    CannotConnect,
    PoolTimeout,
)


class Wrong(Exception):
    """An answer is not the one that is right."""

    def __init__(self, answer: object, right: object) -> None:
        super().__init__(f"{answer!r:.200}, where {right!r:.200} is right")


class State(IntEnum):
    """What the caller of a write knows of it."""

    UNUSED = 0
    # sent, and perhaps done
    UNKNOWN = 1
    ACKNOWLEDGED = 2
    REFUSED = 3


class Ledger:
    """All that happened, counted by every worker at once."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self._begun = count()
        self._numbers = count()
        # each number is written by one worker, so that no lock is needed
        self._states = bytearray(calls * 8 + 2_000_000)
        self._lock = threading.Lock()
        self.done: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.hung: dict[str, str] = {}
        # of each worker what it does, and since when
        self._at_work: dict[str, tuple[str, float]] = {}
        self.made = 0
        # whether everything that disturbs the calls has done so once
        self.is_disturbed = False

    def goes_on(self) -> bool:
        """Count a call, and tell whether it is still to be made."""
        number = next(self._begun)
        goes_on = (number < self.calls or not self.is_disturbed) and not self.hung
        if goes_on:
            self.made = number + 1
        return goes_on

    def numbers(self, count_: int) -> list[int]:
        """Give numbers that no other write has."""
        return [next(self._numbers) for _ in range(count_)]

    @contextmanager
    def writing(self, numbers: Iterable[int], *, undone: bool = False) -> Generator[None]:
        """Note what becomes of the writes of these numbers; `undone`: they are rolled back."""
        numbers = list(numbers)
        self._note(numbers, State.UNKNOWN)
        try:
            yield
        except Drifted:
            self._note(numbers, State.REFUSED)
            raise
        except psycopg.Error as error:
            # of a lost connection nobody knows how far it came
            if (error.sqlstate is not None and error.sqlstate[:2] not in {"08", "57"}) or undone:
                self._note(numbers, State.REFUSED)
            raise
        except BaseException:
            if undone:
                self._note(numbers, State.REFUSED)
            raise
        self._note(numbers, State.REFUSED if undone else State.ACKNOWLEDGED)

    def _note(self, numbers: Iterable[int], state: State) -> None:
        for number in numbers:
            self._states[number] = state

    @contextmanager
    def at_work(self, worker: str, what: str) -> Generator[None]:
        """Note what a worker does as long as it does it, and what comes of it."""
        self._at_work[worker] = (what, time.monotonic())
        try:
            yield
        except Wrong as error:
            self.tell_wrong(f"{worker}, {what}: {error}")
        except TOLERATED as error:
            # the driver's word for a commit that got no answer
            if isinstance(error, psycopg.InternalError) and "results from command" not in str(
                error
            ):
                self.tell_wrong(f"{worker}, {what}: {traceback.format_exc()}")
            code = getattr(error, "sqlstate", None) or ""
            with self._lock:
                who = f" of {worker}" if isinstance(error, PoolTimeout) else ""
                self.told[f"{type(error).__name__} {code}{who}".strip()] += 1
        except Exception:  # noqa: BLE001 - nothing else is to come out of a call
            self.tell_wrong(f"{worker}, {what}: {traceback.format_exc()}")
        else:
            with self._lock:
                self.done[what] += 1
        finally:
            del self._at_work[worker]

    def tell_wrong(self, what: str) -> None:
        """Keep what is wrong, to be shown at the end."""
        with self._lock:
            self.wrong.append(what)

    def find_hung(self) -> None:
        """Note the calls that do not end."""
        now = time.monotonic()
        for worker, (what, since) in self._at_work.copy().items():
            if now - since > PATIENCE:
                self.hung[worker] = what

    def compare(self, stored: Iterable[tuple[int, int]]) -> dict[str, int]:
        """Compare what is stored, numbers with how often each is there, with what was told."""
        found = dict(stored)
        lost = doubled = undone = 0
        for number, state in enumerate(self._states):
            times = found.pop(number, 0)
            doubled += times > 1
            lost += state == State.ACKNOWLEDGED and not times
            undone += state in {State.REFUSED, State.UNUSED} and times > 0
        for what, times in (
            ("lost", lost),
            ("refused, and there", undone),
            ("unknown", len(found)),
        ):
            if times:
                self.tell_wrong(f"{times} writes are {what}")
        return {
            "wrong": len(self.wrong) - bool(lost),
            "lost": lost,
            "doubled": doubled,
            "hung": len(self.hung),
        }

    def states(self) -> dict[State, int]:
        """Count the writes by what their callers know of them."""
        return {state: self._states.count(state) for state in list(State)[1:]}

    def shown(self) -> list[str]:
        """Give some of what is wrong."""
        return [
            *self.wrong[:_MOST_SHOWN],
            *(f"{worker} hangs in {what}" for worker, what in self.hung.items()),
        ]
