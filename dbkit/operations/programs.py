"""Find the PostgreSQL program that speaks the version of a server, and run it."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbkit.operations.errors import NoProgram, ProgramFailed
from dbkit.server import NoPostgres, NotBinaries, find_binaries

_EMBEDDED = ("18", "16")
_TOLD = re.compile(r"^\w+: (?!error|warning)")


Told = Callable[[str], object]


@dataclass(frozen=True)
class Programs:
    """The programs at hand, and who hears what they are doing."""

    # as find_binaries takes it: 18, 16, or a bin folder
    setting: str | None = None
    told: Told = lambda _: None

    def find(self, name: str, server: int) -> Path:
        """Return `pg_dump` or its like for a server: of its own major version, or the next newer.

        An older one is refused by PostgreSQL itself; a much newer one writes what the server
        may not read.
        """
        candidates = _candidates(name, self.setting)
        found = {major: path for path in candidates if (major := _major(path))}
        fitting = sorted(major for major in found if major >= server)
        if not fitting:
            raise NoProgram(name, server, tuple(sorted(found)))
        return found[fitting[0]]

    def run(self, command: list[str | Path], url: str) -> None:
        """Run a program on a database, and raise what it says went wrong.

        The password does not stand in the command, where every user of the machine would
        see it.
        """
        info = conninfo_to_dict(url)
        password = info.pop("password", None)
        environment = {**os.environ, "LC_ALL": "C"}
        if password is not None:
            environment["PGPASSWORD"] = str(password)
        child = subprocess.Popen(
            [*map(str, command), "--no-password", "--dbname", make_conninfo("", **info)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # what it writes is for nobody else's eyes
            umask=0o077,
        )
        faults: list[str] = []
        try:
            for line in child.stderr or ():
                if _TOLD.match(line):
                    self.told(line.partition(": ")[2].strip())
                else:
                    faults.append(line.strip())
        except BaseException:
            child.terminate()
            raise
        finally:
            code = child.wait()
            if child.stderr is not None:
                child.stderr.close()
        if code:
            raise ProgramFailed(Path(command[0]).name, code, tuple(faults))


def _candidates(name: str, setting: str | None) -> Iterable[Path]:
    # the last one of a version wins: the one that was asked for
    for version in _EMBEDDED:
        with suppress(NoPostgres, NotBinaries):
            yield find_binaries(version).bin / name
    if (on_path := shutil.which(name)) is not None:
        yield Path(on_path)
    if setting is not None:
        yield find_binaries(setting).bin / name


def _major(path: Path) -> int | None:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\d+", told.stdout)
    return int(found[0]) if found else None
