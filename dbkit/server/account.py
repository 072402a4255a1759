"""The account that PostgreSQL's programs run with: ours, or an unprivileged one for root."""

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dbkit.server.errors import NoAccount
from dbkit.server.interruption import undisturbed


@dataclass(frozen=True)
class Finished:
    """A program that has run to its end."""

    group: int
    status: int
    output: str


@dataclass(frozen=True)
class Account:
    """A user and a group, by number."""

    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Tell whether this is the account we run with ourselves."""
        return self.uid == os.geteuid()

    def run(
        self,
        command: Sequence[str | Path],
        *,
        output: IO[bytes] | None = None,
        inherit: Sequence[int] = (),
    ) -> Finished:
        """Run a program in a session of its own, and end all of it if we are interrupted."""
        process = None
        try:
            with undisturbed():
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output or subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    user=None if self.is_ours else self.uid,
                    group=None if self.is_ours else self.gid,
                    extra_groups=None if self.is_ours else [],
                    # PostgreSQL looks up its working folder, and the account may not see ours
                    cwd="/",
                    env=_environment(),
                    pass_fds=tuple(inherit),
                    start_new_session=True,
                )
            told, _ = process.communicate()
        except BaseException:
            if process is not None:
                # the whole group: initdb's own children would go on writing
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
            raise
        return Finished(process.pid, process.returncode, (told or b"").decode(errors="replace"))

    def can_enter(self, folder: Path) -> bool:
        """Tell whether the account may go into this folder; the kernel is asked, not mode bits."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]).status == 0

    def can_run(self, program: Path) -> bool:
        """Tell whether the account may read and start this program."""
        try:
            return self.run([program, "--version"]).status == 0
        except OSError:
            return False


def choose_account() -> Account:
    """Return our own account, or for root the first unprivileged one that the kernel lets us be."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for account in _unprivileged():
        try:
            account.run(["/bin/sh", "-c", ":"])
        except OSError:  # a container may map few accounts
            continue
        return account
    raise NoAccount


def _unprivileged() -> Iterator[Account]:
    entries = sorted(pwd.getpwall(), key=lambda entry: entry.pw_name != "nobody")
    for entry in entries:
        if entry.pw_uid != 0 and entry.pw_gid != 0:
            yield Account(entry.pw_uid, entry.pw_gid)


def _environment() -> dict[str, str]:
    # few, because the server lives on with them and another account can read them;
    # LC_ALL, because messages are quoted and must not depend on who starts the server
    kept = ("PATH", "LD_LIBRARY_PATH", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}
