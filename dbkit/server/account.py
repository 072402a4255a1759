"""Run PostgreSQL's programs: with our own account, or for root with an unprivileged one."""

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

# systemd's list of users and groups says of these that nothing uses them
_UNUSED = range(60706, 61184)


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
        """Whether this is the account that we run with ourselves."""
        return self.uid == os.geteuid()

    @property
    def has_name(self) -> bool:
        """Whether the machine knows the account, as initdb demands."""
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            return False
        return True

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
                    # PostgreSQL opens its working folder, and may not be allowed to open ours
                    cwd="/",
                    env=_environment(),
                    pass_fds=tuple(inherit),
                    start_new_session=True,
                )
            printed, _ = process.communicate()
        except BaseException:
            if process is not None:
                # the whole group, because the children of initdb would go on writing
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
            raise
        return Finished(process.pid, process.returncode, (printed or b"").decode(errors="replace"))

    def can_enter(self, folder: Path) -> bool:
        """Say whether the account may enter this folder: the kernel is asked, not the mode bits."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]).status == 0

    def can_run(self, program: Path) -> bool:
        """Say whether the account may read and start this program."""
        try:
            return self.run([program, "--version"]).status == 0
        except OSError:
            return False


def choose_account() -> Account:
    """Return our own account, or for root the first unprivileged one that the kernel allows."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for account in _unprivileged():
        if _is_allowed(account):
            return account
    raise NoAccount


def choose_nameless() -> Account | None:
    """Return an account that no other program runs with, or None where root cannot have one.

    It has no name, which the server does not need; initdb does.
    """
    if os.geteuid() != 0:
        return None
    accounts = (Account(number, number) for number in _UNUSED)
    account = next((account for account in accounts if not account.has_name), None)
    return account if account is not None and _is_allowed(account) else None


def _is_allowed(account: Account) -> bool:
    try:
        account.run(["/bin/sh", "-c", ":"])
    except OSError:  # a container may have few accounts
        return False
    return True


def _unprivileged() -> Iterator[Account]:
    entries = sorted(pwd.getpwall(), key=lambda entry: entry.pw_name != "nobody")
    for entry in entries:
        if entry.pw_uid != 0 and entry.pw_gid != 0:
            yield Account(entry.pw_uid, entry.pw_gid)


def _environment() -> dict[str, str]:
    # only these, because the server keeps them and another account can read them;
    # LC_ALL, because we quote its messages, which must be in one language
    kept = ("PATH", "LD_LIBRARY_PATH", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}
