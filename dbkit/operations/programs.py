"""Find and run PostgreSQL's client programs, such as pg_dump, in the version of a server."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dbkit.database import secretly
from dbkit.operations.errors import NoProgram, ProgramFailed
from dbkit.server import MAJOR_VERSIONS, NoPostgres, NotBinaries, find_binaries

# a line of --verbose, such as "pg_dump: dumping contents of table ..."
_VERBOSE_LINE = re.compile(r"^\w+: (?!error|warning)")

ShowStep = Callable[[str], object]
"""A function that shows which step is being done, as text."""


@dataclass(frozen=True)
class Programs:
    """The installed client programs, and the function that shows what they are doing."""

    # what [tool.dbkit.server] says: 18, 16, or a bin folder
    setting: str | None = None
    show_step: ShowStep = lambda _: None

    def find(self, name: str, server: int) -> Path:
        """Return the path of a program, such as `pg_dump`, for a server of a major version.

        It is of the server's version or the next newer one: an older pg_dump refuses the server,
        and a much newer one may write what the server cannot read.
        """
        paths = {major: path for path in _candidates(name, self.setting) if (major := _major(path))}
        fitting = sorted(major for major in paths if major >= server)
        if not fitting:
            raise NoProgram(name, server, tuple(sorted(paths)))
        return paths[fitting[0]]

    def run(self, command: list[str | Path], url: str) -> None:
        """Run a program on a database, and raise an error with its message if it fails.

        The password is not a part of the command line, which every user of the machine can read.
        """
        shown, password = secretly(url)
        child = subprocess.Popen(
            [*map(str, command), "--no-password", "--dbname", shown],
            env={**os.environ, "LC_ALL": "C", **password},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # only the owner may read what it writes
            umask=0o077,
        )
        faults: list[str] = []
        try:
            for line in child.stderr or ():
                if _VERBOSE_LINE.match(line):
                    self.show_step(line.partition(": ")[2].strip())
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
    # of several programs of one version the last is used, so the configured one comes last
    for version in MAJOR_VERSIONS:
        with suppress(NoPostgres, NotBinaries):
            yield find_binaries(version).bin / name
    if (on_path := shutil.which(name)) is not None:
        yield Path(on_path)
    if setting is not None:
        yield find_binaries(setting).bin / name


def _major(path: Path) -> int | None:
    try:
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\d+", shown.stdout)
    return int(match[0]) if match else None
