"""Signals that end a process: made to clean up first, or put off for a moment."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def unwinding() -> Generator[None]:
    """Make SIGTERM and SIGHUP raise SystemExit, as Ctrl-C raises, so that nothing stays half done.

    A handler of the program's own is left as it is, and so is everything outside the main thread,
    where Python allows no handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    unhandled = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in unhandled:
        signal.signal(number, _exit)
    try:
        yield
    finally:
        for number in unhandled:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def undisturbed() -> Generator[None]:
    """Put off the signals that would interrupt us, so that a child being started is not lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDING)}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in ours:
        signal.signal(number, lambda received_number, _frame: received.append(received_number))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for put_off in received:
            signal.raise_signal(put_off)


def _exit(number: int, _frame: FrameType | None) -> None:
    # the status a shell reports for a process that this signal ended
    raise SystemExit(128 + number)
