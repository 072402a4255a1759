"""The signals that ask a process to end, made to unwind it first."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def unwinding() -> Generator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit, as Ctrl-C raises, so that nothing stays half done.

    Only where the program has not said itself what they do, and only in the thread that may.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def undisturbed() -> Generator[None]:
    """Put signals off that would unwind us, until a child that is being made is known to us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDING)}
    caught = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in caught:
        signal.signal(number, lambda this, _frame: came.append(this))
    try:
        yield
    finally:
        for number, handler in caught.items():
            signal.signal(number, handler)
        for put_off in came:
            signal.raise_signal(put_off)


def _end(number: int, _frame: FrameType | None) -> None:
    # the status a shell reports for a process that this signal ended
    raise SystemExit(128 + number)
