"""Another process that uses a server: it says on each line what it has done, then waits or ends."""

import os
import pwd
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

from dbkit.errors import DbkitError
from dbkit.server import Binaries, EmbeddedServer


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - how it speaks to the test


def become(account: str) -> None:
    # from within, because Python itself may be where other accounts cannot read it;
    # what is imported late has to come early then
    import_module("psycopg")
    entry = pwd.getpwnam(account)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def act(server: EmbeddedServer, words: list[str]) -> None:
    for word in words:
        match word.partition("="):
            case "start", _, _:
                server.start()
                say("pid", server.status().pid)
            case "stop", _, _:
                say("stopped", server.stop())
            case "hold", _, _:
                with server.hold():
                    say("held")
                    time.sleep(600)
            case "ensure", _, name:
                say("created", server.ensure_database(name))
            case "psycopg", _, _:
                say("psycopg", "psycopg" in sys.modules)
            case "sleep", _, _:
                time.sleep(600)
            case _:
                raise ValueError(word)


if __name__ == "__main__":
    # ignored where the tests run in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.umask(0o077)
    account, binaries, folder, *words = sys.argv[1:]
    if account:
        become(account)
    given = Binaries(Path(binaries)) if binaries else None
    try:
        act(EmbeddedServer(Path(folder), binaries=given, progress=say), words)
    except DbkitError as error:
        say(type(error).__name__, error)
        sys.exit(1)
