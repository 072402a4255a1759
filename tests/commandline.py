"""Run dbkit's command line in a process of its own, forked from one that has loaded it already.

Python's start and loading the driver take longer than what most commands do, and the tests run
more than a thousand. With DBKIT_THOROUGH each command is started as a shell starts it.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module, invalidate_caches
from locale import getencoding
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from threading import Lock
from time import monotonic
from typing import NamedTuple

_SECONDS = 120.0
_LARGEST = 100_000
# Python reads the variables with these beginnings when it starts, and never again
_READ_AT_START = ("COVERAGE", "LANG", "LC_", "PYTHON", "TZ")
# what the commands load only when they need it
_LOADED_LATER = ("psycopg", "psycopg_pool", "rich.console", "rich.progress", "rich.table", "yoyo")


def run_dbkit(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a folder and with these variables alone."""
    command = _Command(list(arguments), str(folder), dict(environment))
    if _can_be_forked(command):
        with _ONE_AT_A_TIME:
            loaded = _loaded()
        return loaded.run(command)
    return subprocess.run(
        [sys.executable, "-m", "dbkit", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )


def end_loaded() -> None:
    """End the process that has the command line loaded, if there is one."""
    if _loaded.cache_info().currsize:
        _loaded().end()
        _loaded.cache_clear()


class _Command(NamedTuple):
    arguments: list[str]
    folder: str
    environment: dict[str, str]


class _Loaded:
    """A process in which the command line is loaded; each command is a fork of it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )

    def run(self, command: _Command) -> subprocess.CompletedProcess[str]:
        reply, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        with reply:
            socket.send_fds(
                self._control, [json.dumps(command).encode()], [theirs.fileno(), out_end, err_end]
            )
            theirs.close()
            os.close(out_end)
            os.close(err_end)
            pid = int(reply.recv(_LARGEST))
            try:
                printed = [*_read_to_the_end(out, err)]
            except subprocess.TimeoutExpired:
                os.kill(pid, signal.SIGKILL)
                raise
            code = int(reply.recv(_LARGEST))
        return subprocess.CompletedProcess(["dbkit", *command.arguments], code, *printed)

    def end(self) -> None:
        self._control.close()
        self._process.wait()


_ONE_AT_A_TIME = Lock()


@cache
def _loaded() -> _Loaded:
    return _Loaded()


def _can_be_forked(command: _Command) -> bool:
    return (
        hasattr(os, "pidfd_open")
        and not os.environ.get("DBKIT_THOROUGH")
        and _read_at_start(command.environment) == _read_at_start(os.environ)
        and len(json.dumps(command)) < _LARGEST
    )


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in environment if name.startswith(_READ_AT_START)}


def _read_to_the_end(*ends: int) -> Iterator[str]:
    """Give what was written into each pipe until the last writer closed it."""
    written = {end: bytearray() for end in ends}
    deadline = monotonic() + _SECONDS
    with DefaultSelector() as selector:
        for end in ends:
            selector.register(end, EVENT_READ)
        while selector.get_map():
            ready = selector.select(deadline - monotonic())
            if not ready:
                raise subprocess.TimeoutExpired("dbkit", _SECONDS)
            for key, _ in ready:
                part = os.read(key.fd, _LARGEST)
                written[key.fd] += part
                if not part:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    for whole in written.values():
        text = whole.decode(getencoding())
        yield text.replace("\r\n", "\n").replace("\r", "\n")


# what follows runs in the loaded process and its forks


def _load() -> None:
    for module in _LOADED_LATER:
        import_module(module)
    commands = import_module("dbkit.cli.app").cli
    for name in commands.list_commands(None):
        commands.get_command(None, name)


def _serve(control: socket.socket) -> _Command | None:
    """Fork a process for each command, which returns it; None when no more commands come."""
    with DefaultSelector() as selector:
        selector.register(control, EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not control:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _tell_the_end(*key.data)
                    continue
                request, ends, *_ = socket.recv_fds(control, _LARGEST, 3, socket.MSG_CMSG_CLOEXEC)
                if not request:
                    return None
                reply = socket.socket(fileno=ends[0])
                if (pid := os.fork()) == 0:
                    for end, output in zip(ends[1:], (sys.stdout, sys.stderr), strict=True):
                        os.dup2(end, output.fileno())
                        os.close(end)
                    return _Command(*json.loads(request))
                for end in ends[1:]:
                    os.close(end)
                reply.send(str(pid).encode())
                selector.register(os.pidfd_open(pid), EVENT_READ, (pid, reply))


def _tell_the_end(pid: int, reply: socket.socket) -> None:
    _, status = os.waitpid(pid, 0)
    with reply:
        reply.send(str(os.waitstatus_to_exitcode(status)).encode())


def _run(command: _Command, codes: list[int]) -> None:
    """Be the process of this command, as `python -m dbkit` would."""
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environment)
    sys.argv[1:] = command.arguments
    sys.path[0] = command.folder
    invalidate_caches()
    try:
        runpy.run_module("dbkit", run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        codes.append(ending.code if isinstance(ending.code, int) else 1)
        raise


def _exit(codes: list[int]) -> None:
    """End a command at once: taking all modules apart takes longer than most commands."""
    for code in codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _main() -> None:
    codes: list[int] = []
    # registered before any fork, so called after what a fork registers, as coverage does
    atexit.register(_exit, codes)
    sys.path[0] = ""  # this folder's modules are not the command line's
    _load()
    gc.freeze()
    command = None
    with suppress(KeyboardInterrupt), socket.socket(fileno=int(sys.argv[1])) as control:
        command = _serve(control)
    if command is not None:
        _run(command, codes)


if __name__ == "__main__":
    _main()
